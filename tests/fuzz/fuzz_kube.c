/* Other people's kubeconfigs: what is converted can be undone, byte by byte; nothing but what is meant changes; no secret is
 * noted or shown. */
#include "tests/fuzz/fuzz.h"

#include "helper/base/json.h"
#include "helper/base/yaml_edit.h"
#include "helper/cmd/kube_convert.h"

enum { MAX = 4 * 1024 * 1024 };

static bool everybody(const void *data UNUSED, const char *user UNUSED)
{
	return true;
}

static char *note_of(const void *data, const char *user)
{
	const struct kube_outcomes *o = data;
	for (size_t i = 0; o && i < o->count; i++)
		if (str_eq(o->list[i].name, user) && o->list[i].note)
			return str_dup(o->list[i].note);
	return NULL;
}

static bool equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static size_t lines_of(const struct buf *text)
{
	size_t n = 0;
	for (size_t i = 0; i < text->len; i++)
		n += text->p[i] == '\n';
	return n;
}

static void undo(const struct buf *text, const struct buf *changed, struct kube_task t, const struct kube_outcomes *done, bool exact)
{
	AUTO_BUF back = buf_new(MAX);
	AUTO_OUTCOMES undone = {0};
	struct err err = ERR_INIT;
	t.data = done;
	must(kube_undo("f", changed, &t, &back, &undone, &err));
	for (size_t i = 0; i < undone.count; i++)
		must(undone.list[i].result == done->list[i].result || done->list[i].result != KUBE_CHANGED || !exact);
	must(equal(text, &back) == true || !exact);
}

static void there_and_back(const struct buf *text, bool theirs, enum kube_mode mode)
{
	AUTO_BUF out = buf_new(MAX), again = buf_new(MAX);
	AUTO_OUTCOMES done = {0}, twice = {0};
	struct err err = ERR_INIT;
	struct kube_task t = {.o = {.theirs = theirs, .mode = mode}, .command = theirs ? "kubelogin" : "/opt/daypass", .cluster_info = !theirs, .meant = everybody, .noted = note_of};
	t.o.given[KUBE_LOGIN] = theirs ? kube_mode_name(mode) : NULL;
	t.o.azure_dir = mode == KUBE_CLI ? "/a b" : NULL;
	if (!kube_convert("f", text, &t, &out, &done, &err)) {
		must_be_clean(&err);
		return;
	}
	bool exact = true, any = false;
	AUTO_BUF shown = buf_new(MAX);
	kube_hide(text, &shown);
	bool secret = !strstr(shown.p, "s3cret") && !(t.o.azure_dir && strstr(text->p, "AZURE_CONFIG_DIR")); /* wherever it stands */
	for (size_t i = 0; i < done.count; i++) {
		const struct kube_outcome *o = &done.list[i];
		must((o->result == KUBE_CHANGED) == (o->note != NULL));
		must((o->result == KUBE_FOREIGN || o->result == KUBE_DOUBT) == (o->why != NULL));
		must(!o->note || !secret || !strstr(o->note, "s3cret"));
		exact = exact && !o->tokens_gone;
		any = any || o->note;
	}
	must(any == !equal(text, &out));
	undo(text, &out, t, &done, exact);
	t.data = &done;
	must(kube_convert("f", &out, &t, &again, &twice, &err));
	must(equal(&out, &again) || !exact);
}

static void hide(const struct buf *text)
{
	AUTO_BUF shown = buf_new(MAX);
	AUTO_VIEW v = {0};
	struct err err;
	kube_hide(text, &shown);
	must(!kube_view_read("f", text, &v, &err) || lines_of(text) == lines_of(&shown));
}

/* A list in place of the first list of texts, and a text in place of the first text. */
static void edit(const struct buf *text)
{
	AUTO_YAML root = {0};
	AUTO_BUF out = buf_new(MAX);
	struct err err = ERR_INIT;
	char now[][8] = {"one", "--two", "3 # x", "y: z"};
	char *const list[] = {now[0], now[1], now[2], now[3]};
	if (!yaml_tree_read("f", text, &root, &err)) {
		must_be_clean(&err);
		return;
	}
	AUTO_EDITS e = {.text = text, .root = &root};
	for (size_t i = 1; root.kind == YAML_MAP && i < root.count; i += 2) {
		const struct yaml *y = &root.items[i];
		must(y->from <= y->to && y->to <= text->len);
		bool ok = y->kind == YAML_LIST ? yaml_edit_list(&e, y, list, COUNT_OF(list), &err) : yaml_edit_text(&e, y, "n: ew", &err);
		if (ok)
			break;
		must_be_clean(&err);
		yaml_edits_free(&e);
	}
	if (!yaml_edits_apply(&e, &out, &err))
		must_be_clean(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF text = buf_new(size + 1);
	buf_add(&text, data, size);
	there_and_back(&text, false, 0);
	there_and_back(&text, true, KUBE_CLI);
	there_and_back(&text, true, KUBE_SPN);
	hide(&text);
	edit(&text);
	return 0;
}
