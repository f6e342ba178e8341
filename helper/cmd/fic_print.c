#include "helper/cmd/fic_print.h"

#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/cmd/cmd.h"

void fic_print_json(const struct fic_wish *w, struct buf *out)
{
	buf_adds(out, "{\n  \"name\": ");
	json_quote(out, w->name);
	buf_adds(out, ",\n  \"issuer\": ");
	json_quote(out, w->issuer);
	buf_adds(out, ",\n  \"subject\": ");
	json_quote(out, w->subject);
	buf_adds(out, ",\n  \"audiences\": [");
	json_quote(out, w->audience);
	buf_adds(out, "]\n}\n");
}

static void print_az(const struct fic_wish *w, struct buf *out)
{
	AUTO_BUF json = buf_new(8192);
	fic_print_json(w, &json);
	AUTO_BUF flat = buf_new(8192);
	for (const char *p = json.p; *p; p++)
		if (*p == '\n')
			p += strspn(p + 1, " ");
		else
			buf_addc(&flat, *p);
	buf_addf(out, "# for an app registration:\naz ad app federated-credential create --id %s --parameters ", w->client ? w->client : "CLIENT-ID");
	cmd_shell_word(out, flat.p);
	buf_addf(out, "\n\n# for a user-assigned managed identity:\naz identity federated-credential create --identity-name IDENTITY --resource-group GROUP --name %s --issuer ", w->name);
	cmd_shell_word(out, w->issuer);
	buf_adds(out, " --subject ");
	cmd_shell_word(out, w->subject);
	buf_adds(out, " --audiences ");
	cmd_shell_word(out, w->audience);
	buf_addc(out, '\n');
}

/* A string of Terraform's language: ${ and %{ begin templates, and are written with the sign twice. */
static void hcl_text(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_addc(out, '\\');
		if ((*text == '$' || *text == '%') && text[1] == '{')
			buf_addc(out, *text);
		buf_addc(out, *text);
	}
	buf_addc(out, '"');
}

static void hcl_line(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, "  %s = ", name);
	hcl_text(out, text);
	buf_addc(out, '\n');
}

static void hcl_list(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, "  %s = [", name);
	hcl_text(out, text);
	buf_adds(out, "]\n");
}

/* Sources: the documentation of hashicorp/azuread 3 and hashicorp/azurerm 5. */
static void print_terraform(const struct fic_wish *w, struct buf *out)
{
	buf_adds(out, "# for an app registration:\ndata \"azuread_application\" \"daypass\" {\n");
	hcl_line(out, "client_id", w->client ? w->client : "CLIENT-ID");
	buf_adds(out, "}\n\nresource \"azuread_application_federated_identity_credential\" \"daypass\" {\n  application_id = data.azuread_application.daypass.id\n");
	hcl_line(out, "display_name  ", w->name);
	hcl_line(out, "issuer        ", w->issuer);
	hcl_line(out, "subject       ", w->subject);
	hcl_list(out, "audiences     ", w->audience);
	buf_adds(out, "}\n\n# for a user-assigned managed identity:\ndata \"azurerm_user_assigned_identity\" \"daypass\" {\n");
	buf_adds(out, "  name                = \"IDENTITY\"\n  resource_group_name = \"GROUP\"\n}\n\nresource \"azurerm_federated_identity_credential\" \"daypass\" {\n");
	hcl_line(out, "name                     ", w->name);
	buf_adds(out, "  user_assigned_identity_id = data.azurerm_user_assigned_identity.daypass.id # azurerm before 5: parent_id, and resource_group_name\n");
	hcl_line(out, "issuer                   ", w->issuer);
	hcl_line(out, "subject                  ", w->subject);
	hcl_list(out, "audience                 ", w->audience);
	buf_adds(out, "}\n");
}

/* A string of Bicep: in single quotes; ${ begins a template. */
static void bicep_text(struct buf *out, const char *text)
{
	buf_addc(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\' || (*text == '$' && text[1] == '{'))
			buf_addc(out, '\\');
		buf_addc(out, *text);
	}
	buf_addc(out, '\'');
}

static void bicep_body(struct buf *out, const struct fic_wish *w, const char *indent)
{
	buf_addf(out, "%sissuer: ", indent);
	bicep_text(out, w->issuer);
	buf_addf(out, "\n%ssubject: ", indent);
	bicep_text(out, w->subject);
	buf_addf(out, "\n%saudiences: [", indent);
	bicep_text(out, w->audience);
	buf_adds(out, "]\n");
}

/* Sources: "Microsoft Graph Bicep", whose credentials are named by their application's uniqueName; the reference of
 * Microsoft.ManagedIdentity 2023-01-31. */
static void print_bicep(const struct fic_wish *w, struct buf *out)
{
	buf_adds(out, "// for an app registration (with the extension microsoftGraphV1 in bicepconfig.json):\nextension microsoftGraphV1\n\n");
	buf_adds(out, "resource application 'Microsoft.Graph/applications@v1.0' existing = {\n  uniqueName: 'UNIQUE-NAME'\n}\n\n");
	buf_addf(out, "resource applicationCredential 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = {\n  name: '${application.uniqueName}/%s'\n", w->name);
	bicep_body(out, w, "  ");
	buf_adds(out, "}\n\n// for a user-assigned managed identity:\nresource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {\n  name: 'IDENTITY'\n}\n\n");
	buf_addf(out, "resource identityCredential 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {\n  parent: identity\n  name: '%s'\n  properties: {\n", w->name);
	bicep_body(out, w, "    ");
	buf_adds(out, "  }\n}\n");
}

static void print_both(const struct fic_wish *w, struct buf *out)
{
	fic_print_json(w, out);
	buf_addc(out, '\n');
	print_az(w, out);
}

bool fic_print(const char *format, const struct fic_wish *w, struct buf *out)
{
	static const struct {
		const char *name;
		void (*print)(const struct fic_wish *, struct buf *);
	} formats[] = {{"json", fic_print_json}, {"az", print_az}, {"terraform", print_terraform}, {"bicep", print_bicep}};
	for (size_t i = 0; format && i < COUNT_OF(formats); i++) {
		if (!str_eq(formats[i].name, format))
			continue;
		formats[i].print(w, out);
		return true;
	}
	if (!format)
		print_both(w, out);
	return !format;
}
