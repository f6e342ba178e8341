"""The stand-in cloud: see README.md. Tests use `from cloud.client import Cloud`."""
