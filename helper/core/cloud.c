#include "helper/core/cloud.h"

#include <stddef.h>

#include "helper/base/str.h"

static const struct cloud clouds[] = {
	{"public", "login.microsoftonline.com", "api://AzureADTokenExchange", "AzureCloud", "https://management.azure.com", "https://graph.microsoft.com", "https://management.core.windows.net/"},
	{"usgov", "login.microsoftonline.us", "api://AzureADTokenExchangeUSGov", "AzureUSGovernment", "https://management.usgovcloudapi.net", "https://graph.microsoft.us", "https://management.core.usgovcloudapi.net/"},
	{"china", "login.partner.microsoftonline.cn", "api://AzureADTokenExchangeChina", "AzureChinaCloud", "https://management.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", "https://management.core.chinacloudapi.cn/"},
};

/* Other names of the same hosts; sts.windows.net and login.windows.net only redirect people, but peers accept them. */
static const struct {
	const char *alias, *cloud;
} aliases[] = {
	{"login.microsoft.com", "public"},     {"login.windows.net", "public"},	   {"sts.windows.net", "public"},
	{"login.usgovcloudapi.net", "usgov"}, {"login.chinacloudapi.cn", "china"},
};

const struct cloud *cloud_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(clouds); i++)
		if (str_eq(clouds[i].name, name))
			return &clouds[i];
	return NULL;
}

const struct cloud *cloud_by_host(const char *host)
{
	for (size_t i = 0; i < COUNT_OF(clouds); i++)
		if (str_eq(clouds[i].host, host))
			return &clouds[i];
	for (size_t i = 0; i < COUNT_OF(aliases); i++)
		if (str_eq(aliases[i].alias, host))
			return cloud_by_name(aliases[i].cloud);
	return NULL;
}
