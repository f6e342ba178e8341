"""Certificates: one authority for every name (leaves made on demand) and separate ones for what must not be trusted by all."""
import datetime
import os
import ssl
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(**on):
    every = ("digital_signature content_commitment key_encipherment data_encipherment key_agreement "
             "key_cert_sign crl_sign encipher_only decipher_only").split()
    return x509.KeyUsage(**{name: on.get(name, False) for name in every})


class Authority:
    """A CA with one EC key, and one more key that all its leaves share: making a leaf costs a signature only."""

    def __init__(self, title):
        self.subject = _name(title)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.leaf_key = ec.generate_private_key(ec.SECP256R1())
        self.cert = (self._builder(self.subject, self.key.public_key())
                     .add_extension(x509.BasicConstraints(True, None), True)
                     .add_extension(_usage(key_cert_sign=True, crl_sign=True), True)
                     .sign(self.key, hashes.SHA256()))
        self.pem = self.cert.public_bytes(serialization.Encoding.PEM)

    def _builder(self, subject, public, age_days=0):
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(days=age_days)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(public)
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=2))
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False))

    def leaf(self, name, expired=False):
        """PEM of certificate and key for one DNS name; with what `openssl verify -x509_strict` demands."""
        cert = (self._builder(_name(name[:60]), self.leaf_key.public_key(), 10 if expired else 0)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
                .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
                .add_extension(x509.BasicConstraints(False, None), True)
                .add_extension(_usage(digital_signature=True), True)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
                .sign(self.key, hashes.SHA256()))
        key = self.leaf_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption())
        return cert.public_bytes(serialization.Encoding.PEM) + key

    def context(self, folder, name, expired=False):
        """A server context for that name; the ssl module reads certificates from files only."""
        path = os.path.join(folder, f"leaf-{threading.get_ident()}.pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
            f.write(self.leaf(name, expired))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.set_alpn_protocols(["http/1.1"])
        os.unlink(path)
        return context


class Pki:
    """What the cloud presents: by name for TLS, by folder for those who must trust it."""

    def __init__(self, folder):
        self.folder = folder
        self.ca, self.aks, self.rogue = (Authority("stand-in cloud CA"), Authority("stand-in AKS proxy CA"),
                                         Authority("nobody trusts this CA"))
        self.contexts, self.lock = {}, threading.Lock()

    def context(self, name, kind="good"):
        with self.lock:
            if (name, kind) not in self.contexts:
                ca = self.rogue if kind == "unknown-ca" else self.aks if kind == "aks" else self.ca
                shown = "somebody.else.test" if kind == "wrong-name" else name
                self.contexts[name, kind] = ca.context(self.folder, shown, kind == "expired")
            return self.contexts[name, kind]

    def publish(self):
        """certs/ looks like Debian's /etc/ssl/certs (a bundle and a hashed folder); ca.pem and aks-ca.pem stand beside it."""
        certs = os.path.join(self.folder, "certs")
        os.makedirs(certs, mode=0o755)
        for path, pem in (("ca.pem", self.ca.pem), ("aks-ca.pem", self.aks.pem),
                          ("certs/ca-certificates.crt", self.ca.pem), ("certs/stand-in.pem", self.ca.pem)):
            with open(os.path.join(self.folder, path), "wb") as f:
                f.write(pem)
            os.chmod(f.name, 0o644)
        done = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", os.path.join(self.folder, "ca.pem")],
                              stdout=subprocess.PIPE, check=True)
        os.symlink("stand-in.pem", os.path.join(certs, done.stdout.decode().strip() + ".0"))
