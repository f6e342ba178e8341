/* Stanzas of a kubeconfig: what becomes of their arguments, and what of notes that do not fit. In memory. */
#include "helper/base/yaml_edit.h"
#include "helper/cmd/kube_convert.h"
#include "tests/unit/check.h"

enum { MAX = 1024 * 1024 };

#define SERVER "6dae42f8-4368-4678-94ff-3960e28e3630"
#define PUBLIC "80faf920-1908-4b52-b5ef-a8e7bedfc67a"

/* --- arguments --- */

static char *joined(char *const *args, size_t count)
{
	AUTO_BUF out = buf_new(MAX);
	for (size_t i = 0; i < count; i++)
		buf_addf(&out, "%s%s", i ? " " : "", args[i]);
	return buf_take(&out);
}

/* Words as a stanza has them, by the options of a command line. */
static char *planned(const char *line, const char *options, bool theirs, const struct kube_said *said)
{
	static const struct kube_said nothing;
	char **args = str_words(line), **words = *options ? str_words(options) : NULL;
	struct kube_options o = {.theirs = theirs};
	struct err err = ERR_INIT;
	AUTO_STANZA s = {.args = args};
	int argc = 0;
	while (args[s.count])
		s.count++;
	while (words && words[argc])
		argc++;
	bool ok = kube_options_read(argc, words, &o, &err) && kube_stanza_read(&s, &err) && kube_stanza_plan(&s, &o, said ? said : &nothing, &err);
	char *out = ok ? joined(s.now, s.now_count) : str_printf("! %s", err.msg);
	if (!ok)
		assert_clean(&err);
	free(args);
	free(words);
	return out;
}

static void plan_at(char *got, const char *wanted, const char *file, int line)
{
	text_at(got, wanted, file, line);
	free(got);
}

#define assert_ours(args, options, wanted) plan_at(planned(args, options, false, NULL), wanted, __FILE__, __LINE__)
#define assert_theirs(args, options, wanted) plan_at(planned(args, options, true, NULL), wanted, __FILE__, __LINE__)

#define AKS "get-token --environment AzurePublicCloud --server-id S --client-id " PUBLIC " --tenant-id T --login devicecode"

TEST(what_aks_writes)
{
	assert_ours(AKS, "", "kube get-token --server-id S --tenant-id T");
	assert_ours(AKS, "--login msi", "kube get-token --server-id S --login msi");
	assert_ours(AKS, "--login msi --client-id C", "kube get-token --server-id S --client-id C --login msi");
	assert_ours(AKS, "--login spn", "kube get-token --server-id S --tenant-id T --login spn");
	assert_ours("get-token --server-id S --client-id " PUBLIC " --login msi", "", "kube get-token --server-id S --login msi");
	assert_ours("get-token --server-id S --client-id C --login msi", "", "kube get-token --server-id S --client-id C --login msi");
	assert_theirs("get-token --server-id S --client-id " PUBLIC " --login workloadidentity", "-l workloadidentity", "get-token --server-id S --login workloadidentity");
	assert_theirs(AKS, "", AKS);
	assert_theirs(AKS, "-l azurecli", "get-token --server-id S --login azurecli");
	assert_theirs(AKS, "-l spn", "get-token --environment AzurePublicCloud --server-id S --client-id " PUBLIC " --tenant-id T --login spn");
	assert_theirs(AKS, "-l azurepipelines --client-id C", "get-token --server-id S --client-id C --tenant-id T --login azurepipelines");
}

TEST(every_way_to_write_a_flag)
{
	assert_theirs("get-token --server-id=S -l devicecode -tT -e=AzureChinaCloud --client-id C --legacy=false", "-l interactive", "get-token --server-id=S -l interactive -tT -e=AzureChinaCloud --client-id C");
	assert_theirs("get-token --server-id=S -ldevicecode", "-l=msi", "get-token --server-id=S -lmsi");
	assert_theirs("get-token --server-id S --pop-enabled=true --pop-claims u=1 --tenant-id T --client-id C", "-l spn", "get-token --server-id S --pop-enabled=true --pop-claims u=1 --tenant-id T --client-id C --login spn");
	assert_theirs("get-token --server-id S --pop-enabled --pop-claims u=1", "-l msi", "get-token --server-id S --login msi");
	assert_theirs("get-token --server-id S --token-cache-dir /a", "-l msi --cache-dir /b", "get-token --server-id S --token-cache-dir /b --login msi");
	assert_ours("get-token --server-id S --x --y z --w=1 -v 5 --logtostderr -q", "", "kube get-token --server-id S --x --y z --w=1 -v 5 --logtostderr -q");
	assert_ours("kube get-token --server-id S", "--login azd", "kube get-token --server-id S --login azd");
}

TEST(what_is_said_already)
{
	const struct kube_said said = {.tenant = "t", .client = "c", .cloud = "china"};
	plan_at(planned(AKS, "", false, &said), "kube get-token --environment AzurePublicCloud --server-id S", __FILE__, __LINE__);
	plan_at(planned("get-token --server-id S --client-id C --tenant-id T --login workloadidentity", "", false, &said), "kube get-token --server-id S --login workloadidentity", __FILE__, __LINE__);
	plan_at(planned("get-token --server-id S --tenant-id U --environment AzureChinaCloud", "", false, &said), "kube get-token --server-id S --tenant-id U", __FILE__, __LINE__);
	plan_at(planned(AKS, "--tenant-id T", false, &said), "kube get-token --environment AzurePublicCloud --server-id S --tenant-id T", __FILE__, __LINE__);
}

TEST(who_stays)
{
	assert_ours("get-token --login msi", "", "! it names no server: --server-id is required");
	assert_ours("get-token --server-id S --client-secret x --login spn", "", "! it holds a secret, which would be lost: take it out, and put it where kubectl runs: AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PASSWORD or AZURE_PASSWORD");
	assert_ours("get-token --server-id S --my-token x", "", "! it holds a secret, which would be lost: take it out, and put it where kubectl runs: AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PASSWORD or AZURE_PASSWORD");
	assert_theirs("get-token --server-id S --tenant-id T --client-id C --legacy", "", "! its cluster wants tokens of the legacy kind (audience spn:...), which are not given any more: az aks update --enable-aad, then az aks get-credentials");
	assert_theirs("get-token --server-id S --legacy", "-l azurecli", "get-token --server-id S --login azurecli");
	assert_theirs("get-token --server-id S --client-id C", "-l devicecode", "! --tenant-id is required");
	assert_theirs("get-token --server-id S --client-secret x --login spn", "-l azurecli", "get-token --server-id S --client-secret x --login azurecli");
	assert_ours("setup", "", "! its arguments do not begin with get-token");
	assert_ours("get-token --server-id S -- x", "", "! it has an argument that is no flag of get-token");
	assert_ours("get-token --server-id S --server-id R", "", "! its --server-id stands there twice");
	assert_ours("get-token --server-id S --server-id S", "", "kube get-token --server-id S");
	assert_ours("get-token --server-id", "", "! its --server-id has no value");
	assert_ours("get-token --server-id S --pop-enabled=x", "", "! its --pop-enabled is neither true nor false");
}

TEST(secrets_among_arguments)
{
	bool next;
	assert_true(kube_arg_is_secret("--client-secret=x", &next));
	assert_false(next);
	assert_false(kube_arg_is_secret("--client-secret", &next));
	assert_true(next);
	assert_true(kube_arg_is_secret("--MyPassword=x", &next));
	assert_false(kube_arg_is_secret("--federated-token-file=/x", &next));
	assert_false(next);
	assert_false(kube_arg_is_secret("get-token", &next));
	assert_false(next);
}

/* --- notes that do not fit --- */

#define HEAD "kind: Config\nusers:\n- name: u\n  user:\n    exec:\n"
#define STANZA HEAD "      command: kubelogin\n      args: [get-token, --server-id, " SERVER "]\n"

struct noted {
	const char *json;
};

static bool everybody(const void *data UNUSED, const char *user UNUSED)
{
	return true;
}

static char *note_of(const void *data, const char *user UNUSED)
{
	const struct noted *n = data;
	return n->json ? str_dup(n->json) : NULL;
}

static struct kube_task task(const struct noted *n)
{
	return (struct kube_task){.command = "daypass", .meant = everybody, .noted = note_of, .data = n};
}

/* The text converted; the note is handed to the caller. */
static void convert(const char *text, struct buf *out, char **note)
{
	AUTO_BUF b = buf_new(MAX);
	AUTO_OUTCOMES done = {0};
	struct err err = ERR_INIT;
	const struct noted none = {0};
	struct kube_task t = task(&none);
	buf_adds(&b, text);
	if (!kube_convert("f", &b, &t, out, &done, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(done.list[0].result, KUBE_CHANGED);
	*note = str_dup(done.list[0].note);
}

static enum kube_result undo(const struct buf *text, const char *note, struct buf *back)
{
	AUTO_OUTCOMES done = {0};
	struct err err = ERR_INIT;
	const struct noted n = {note};
	struct kube_task t = task(&n);
	buf_clear(back);
	assert_true(kube_undo("f", text, &t, back, &done, &err));
	return done.list[0].result;
}

TEST(a_note_undoes)
{
	AUTO_BUF out = buf_new(MAX), back = buf_new(MAX);
	AUTO_STR note = NULL;
	convert(STANZA, &out, &note);
	assert_text(out.p, HEAD "      apiVersion: client.authentication.k8s.io/v1beta1\n      command: daypass\n      args: [kube, get-token, --server-id, " SERVER "]\n");
	assert_int_equal(undo(&out, note, &back), KUBE_CHANGED);
	assert_text(back.p, STANZA);
}

TEST(a_note_that_lies_undoes_nothing)
{
	AUTO_BUF out = buf_new(MAX), back = buf_new(MAX);
	AUTO_STR note = NULL;
	convert(STANZA, &out, &note);
	static const char by_values[] = HEAD "      apiVersion: client.authentication.k8s.io/v1beta1\n      command: kubelogin\n      args: [get-token, --server-id, " SERVER "]\n";
	/* Every byte of it changed: it must undo to what was there, or to nothing. */
	for (size_t i = 0; note[i]; i++) {
		AUTO_STR bad = str_dup(note);
		bad[i] = bad[i] == '1' ? '2' : '1';
		enum kube_result r = undo(&out, bad, &back);
		if (r != KUBE_CHANGED)
			assert_text(back.p, out.p);
		else if (!str_eq(back.p, STANZA) && strstr(note, "\"was\"") > note + i) /* by its values, then, which are right */
			assert_text(back.p, by_values);
	}
	static const char *const junk[] = {"", "{}", "[]", "x: [", "{\"after\":1}", "{\"hunks\":[[0,\"a\",\"b\"]],\"after\":\"\"}"};
	for (size_t i = 0; i < COUNT_OF(junk); i++) {
		assert_int_equal(undo(&out, junk[i], &back), KUBE_DOUBT);
		assert_text(back.p, out.p);
	}
}

TEST(what_was_converted_before_begins_again_from_what_it_was)
{
	AUTO_BUF first = buf_new(MAX), out = buf_new(MAX), back = buf_new(MAX);
	AUTO_STR note = NULL;
	AUTO_OUTCOMES done = {0};
	struct err err = ERR_INIT;
	convert(STANZA, &first, &note);
	const struct noted n = {note};
	struct kube_task t = task(&n);
	t.o.mode = KUBE_MSI;
	t.o.given[KUBE_LOGIN] = "msi";
	assert_true(kube_convert("f", &first, &t, &out, &done, &err));
	assert_int_equal(done.list[0].result, KUBE_CHANGED);
	assert_says(out.p, "args: [kube, get-token, --server-id, " SERVER ", --login, msi]");
	assert_int_equal(undo(&out, done.list[0].note, &back), KUBE_CHANGED);
	assert_text(back.p, STANZA);
}

TEST(who_cannot_be_converted_again_stays_as_converted)
{
	AUTO_BUF first = buf_new(MAX), out = buf_new(MAX);
	AUTO_STR note = NULL;
	AUTO_OUTCOMES done = {0};
	struct err err = ERR_INIT;
	const struct noted none = {0};
	/* Converted with a server id from the command line; without it, it cannot be. */
	AUTO_BUF b = buf_new(MAX);
	buf_adds(&b, HEAD "      command: kubelogin\n      args: [get-token]\n");
	struct kube_task t = task(&none);
	t.o.given[KUBE_SERVER] = SERVER;
	assert_true(kube_convert("f", &b, &t, &first, &done, &err));
	note = str_dup(done.list[0].note);
	const struct noted n = {note};
	t = task(&n);
	t.o.mode = KUBE_MSI;
	t.o.given[KUBE_LOGIN] = "msi";
	assert_true(kube_convert("f", &first, &t, &out, &done, &err));
	assert_int_equal(done.list[0].result, KUBE_CHANGED); /* in place, then */
	assert_says(out.p, "--server-id, " SERVER ", --login, msi]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_aks_writes),
		T(every_way_to_write_a_flag),
		T(what_is_said_already),
		T(who_stays),
		T(secrets_among_arguments),
		T(a_note_undoes),
		T(a_note_that_lies_undoes_nothing),
		T(what_was_converted_before_begins_again_from_what_it_was),
		T(who_cannot_be_converted_again_stays_as_converted),
	};
	return RUN(tests);
}
