/* The built-in clouds: token hosts that an assertion may be sent to without a word in a configuration file. */
#ifndef DAYPASS_CLOUD_H
#define DAYPASS_CLOUD_H

struct cloud {
	const char *name;
	const char *host;     /* of the token endpoint */
	const char *audience; /* what an assertion for this cloud must be minted for */
	const char *az_name;  /* what the Azure CLI calls it */
	const char *arm;      /* Azure Resource Manager, https://HOST */
	const char *graph;    /* Microsoft Graph, https://HOST */
	const char *resource; /* what az asks a token for unless told otherwise: ARM's older name */
};

/* By its name, or NULL. Source: Entra's "national clouds" and "workload identity federation" pages; for az's columns azure-cli's core/cloud.py. */
const struct cloud *cloud_by_name(const char *name);
/* By the host of an authority URL or one of its aliases, or NULL where no built-in cloud has it. */
const struct cloud *cloud_by_host(const char *host);

#endif
