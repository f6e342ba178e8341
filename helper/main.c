/* daypass: hands every Azure tool a pass that is good for a day.
 *
 * The map of the tree, lower layers first; nobody includes upward (helper/README.md):
 *   base/       libc plus one library per marked file: buf err str url json(cJSON) http http_curl(libcurl)
 *               seal(libsodium) keyring_libsecret keyctl child clock proc detach http_in loopback file tree log lazy env
 *   core/       the product: config keys.def, request, hosts, match, plan, policy, identity, source, cache, record,
 *               store_runtime, store_keyring, exchange, aadsts.def, refusal, fic, binding, flow; ctx.h holds every effect
 *   sources/    where the external token comes from: sources.def and a file each
 *   cmd/        commands for people: commands.def and a file each
 *   protocols/  wire formats (top level): protocols.def, run.c and a file each
 *   main.c      this file: harden the process, pick the face, build the real context
 */
#include <pwd.h>

#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/cmd.h"
#include "protocols/protocol.h"

#define PROTOCOL(p) extern const struct protocol p;
#include "protocols/protocols.def"
#undef PROTOCOL
#define SOURCE(s) extern const struct source s;
#include "helper/sources/sources.def"
#undef SOURCE

static const struct protocol *const protocols[] = {
#define PROTOCOL(p) &p,
#include "protocols/protocols.def"
#undef PROTOCOL
};

static const struct source *const sources[] = {
#define SOURCE(s) &s,
#include "helper/sources/sources.def"
#undef SOURCE
	NULL};

const struct command *const commands[] = {
#define COMMAND(c) &c,
#include "helper/cmd/commands.def"
#undef COMMAND
	NULL};

struct options {
	const char *identity;
	bool verbose, help, version;
};

static bool is_number(const char *word)
{
	return *word && strspn(word, "0123456789") == strlen(word);
}

/* Options stand before the operation: git appends that to what the user wrote. Returns how many words they are; one that
 * is not understood is the first behind them. */
static int read_options(int argc, char **argv, struct options *o)
{
	int i = 0;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (str_eq(argv[i], "-v") || str_eq(argv[i], "--verbose")) {
			o->verbose = true;
			i += i + 1 < argc && is_number(argv[i + 1]); /* kubelogin's -v has a level */
		} else if (str_eq(argv[i], "-h") || str_eq(argv[i], "--help"))
			o->help = true;
		else if (str_eq(argv[i], "--version"))
			o->version = true;
		else if (str_eq(argv[i], "--identity") && i + 1 < argc)
			o->identity = argv[++i];
		else if (str_starts(argv[i], "--identity="))
			o->identity = argv[i] + strlen("--identity=");
		else
			break;
	}
	return i;
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	return slash ? slash + 1 : path ? path : "daypass";
}

static const struct protocol *protocol_by_face(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(protocols); i++)
		if (str_eq(protocols[i]->argv0, name))
			return protocols[i];
	return NULL;
}

static const struct protocol *protocol_by_word(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(protocols); i++)
		if (str_eq(protocols[i]->name, word))
			return protocols[i];
	return NULL;
}

static int print_help(const struct ctx *ctx)
{
	AUTO_BUF out = buf_new(8192);
	buf_adds(&out, "daypass " DAYPASS_VERSION ": short-lived tokens for Azure's tools, no stored passwords\n\n");
	for (const struct command *const *c = commands; *c; c++)
		buf_addf(&out, "  daypass %s\n      %s\n", (*c)->usage, (*c)->summary);
	buf_adds(&out, "\nCalled by other programs:\n");
	for (size_t i = 0; i < COUNT_OF(protocols); i++) {
		const struct protocol *p = protocols[i];
		buf_addf(&out, p->name ? "  daypass %s ...   %s (%s)\n" : "  %s ...   %s\n", p->name ? p->name : p->argv0, p->summary, p->argv0);
	}
	buf_adds(&out, "\nOptions before the command: --identity NAME, -v, --version, --help. Start here: daypass whoami\n");
	return cmd_print(ctx, &out);
}

static int unknown_word(const char *word)
{
	struct err err;
	err_set(&err, ERR_USAGE, "daypass --help", "'%s' is not a command of daypass", word);
	return cmd_fail(&err);
}

/* What a protocol has for people is a command of two words: "kube check". */
static int run_protocol(struct ctx *ctx, const struct protocol *proto, int argc, char **argv)
{
	size_t len = strlen(proto->name);
	for (const struct command *const *c = commands; *c && argc; c++)
		if (strncmp((*c)->name, proto->name, len) == 0 && (*c)->name[len] == ' ' && str_eq((*c)->name + len + 1, argv[0]))
			return (*c)->run(ctx, argc - 1, argv + 1);
	return protocol_run(proto, ctx, argc, argv);
}

static int run_word(struct ctx *ctx, int argc, char **argv)
{
	if (argc == 0 || str_eq(argv[0], "help"))
		return print_help(ctx);
	const struct protocol *proto = protocol_by_word(argv[0]);
	if (proto)
		return run_protocol(ctx, proto, argc - 1, argv + 1);
	for (const struct command *const *c = commands; *c; c++)
		if (str_eq((*c)->name, argv[0]))
			return (*c)->run(ctx, argc - 1, argv + 1);
	return unknown_word(argv[0]);
}

static int print_text(const struct ctx *ctx, const char *text)
{
	AUTO_BUF out = buf_new(256);
	buf_adds(&out, text);
	return cmd_print(ctx, &out);
}

static int print_version(const struct ctx *ctx, const struct protocol *face)
{
	AUTO_STR text = face && face->usage ? str_printf("%s (daypass) " DAYPASS_VERSION "\n", face->argv0) : str_dup("daypass " DAYPASS_VERSION "\n");
	return print_text(ctx, text);
}

/* Whatever the face, a helper's caller must never see us fail over an option: git only asks and goes on. */
static int bad_option(struct ctx *ctx, const struct protocol *face, const char *option)
{
	log_line("the option '%s' is not understood%s; daypass --help lists them", option, str_eq(option, "--identity") ? " without a name" : "");
	if (!face)
		return ERR_USAGE;
	if (face->usage)
		print_text(ctx, face->usage);
	return face->failed;
}

static int run_face(struct ctx *ctx, const struct protocol *face, int argc, char **argv)
{
	struct options o = {0};
	int n = face && face->run ? 0 : read_options(argc, argv, &o);
	bool tracing = str_eq(env_get(&ctx->env, "DAYPASS_TRACE"), "1");
	log_init(tracing, o.verbose);
	if (face && face->run)
		return face->run(ctx, argc, argv);
	if (n < argc && argv[n][0] == '-')
		return bad_option(ctx, face, argv[n]);
	ctx->identity = o.identity;
	if (o.version || (face && face->usage && o.verbose && argc == 1)) /* docker's helpers say their version to -v */
		return print_version(ctx, face);
	if (o.help)
		return face && face->usage ? print_text(ctx, face->usage) : print_help(ctx);
	return face ? run_protocol(ctx, face, argc - n, argv + n) : run_word(ctx, argc - n, argv + n);
}

/* The C++ SDK starts az with PATH alone: then the system tells where the configuration lies. Our own environment only. */
static void find_home(struct env *env)
{
	static char **vars;
	size_t n = 0;
	const struct passwd *pw = env_get(env, "HOME") ? NULL : getpwuid(geteuid());
	if (!pw || str_empty(pw->pw_dir))
		return;
	while (env->vars && env->vars[n])
		n++;
	vars = mem_alloc((n + 2) * sizeof *vars);
	vars[0] = str_printf("HOME=%s", pw->pw_dir);
	if (n)
		memcpy(vars + 1, env->vars, n * sizeof *vars);
	vars[n + 1] = NULL;
	env->vars = vars;
}

int main(int argc, char **argv, char **envp)
{
	struct err err = ERR_INIT;
	file_open_std();
	if (!proc_begin(envp, &err))
		proc_exit(cmd_fail(&err));
	struct ctx ctx = {.env = proc_env(), .in = 0, .out = 1, .sources = sources};
	const struct protocol *face = protocol_by_face(base_name(argc > 0 ? argv[0] : NULL));
	if (face && face->run)
		find_home(&ctx.env);
	/* static: zeroed pages of the program cost less than touched ones of the stack. */
	static struct config config;
	static struct store_runtime runtime;
	struct clock clock = clock_real();
	struct proc proc = proc_real();
	struct http http = http_curl(&ctx.env);
	struct store none = store_none();
	struct keyring keyring = keyring_libsecret(&ctx.env);
	config_load(&config, &ctx.env, NULL);
	bool sealed = str_eq(config_global(&config, KEY_HOT), "sealed");
	store_runtime_init(&runtime, &ctx.env, &clock, sealed ? STORE_SEAL_ALWAYS : STORE_SEAL_AUTO);
	ctx.config = &config;
	ctx.clock = &clock;
	ctx.proc = &proc;
	ctx.http = &http;
	ctx.runtime = &runtime.port;
	ctx.keyring = &keyring;
	ctx.store = str_eq(config_global(&config, KEY_CACHE), "none") ? &none : &runtime.port;
	int status = run_face(&ctx, face, argc > 0 ? argc - 1 : 0, argv + (argc > 0));
	store_runtime_end(&runtime);
	http_end(&http);
	config_free(&config);
	proc_exit(status);
}
