#!/usr/bin/python3
"""layers.py PROGRAM: holds the tree against design sections 2 and 3. One finding a line; silence is one line.

Standard library only. It reads the sources as text (comments and strings cut out) and the program's symbols with nm."""
import collections
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE_LINES, FUNCTION_LINES, PARAMETERS = 400, 60, 6
FOLDERS = ("helper", "protocols")
LAYERS = {"helper/base": 0, "helper/core": 1, "helper/sources": 2, "protocols": 2, "helper/cmd": 2, "helper": 3}
MAY_INCLUDE = {"helper/base": (), "helper/core": ("helper/base",), "helper/sources": ("helper/base", "helper/core"),
               "protocols": ("helper/base", "helper/core"), "helper/cmd": ("helper/base", "helper/core"),
               "helper": ("helper/base", "helper/core", "helper/sources", "helper/cmd", "protocols")}
# libc's and the kernel's headers; every other <header> belongs to a library and stands in one file.
SYSTEM = set("""assert ctype dirent errno fcntl fnmatch grp inttypes langinfo libgen limits locale malloc math netdb poll pwd sched
signal spawn stdarg stdbool stddef stdint stdio stdlib stdnoreturn string strings syslog termios time uchar unistd utime wchar""".split())
SYSTEM_FOLDERS = ("sys/", "linux/", "asm/", "net/", "netinet/", "arpa/")
# Without a safe use here (banned.h poisons most), or an effect that must go through struct ctx.
BANNED = """strcpy strcat strncpy strncat stpcpy sprintf vsprintf gets strtok strtok_r atoi atol atoll scanf sscanf fscanf alloca gmtime localtime
ctime asctime mktemp tmpnam tempnam system popen setlocale getenv secure_getenv putenv setenv exit signal rand srand random printf
puts putchar perror fopen usleep sleep gethostbyname strdup strndup""".split()
STDOUT = r"\bSTDOUT_FILENO\b|\bstdout\b|\b(?:write|dprintf|file_write_fd)\s*\(\s*(?:1|\w+->out)\s*,"
TOP = {"Makefile": True, "README.md": True, "helper": True, "protocols": True, "tests": True, "contrib": True, "LICENSE": True,
       "SECURITY.md": True, "CHANGELOG.md": True, ".gitignore": False, ".gitattributes": False, ".editorconfig": False, ".clang-format": False,
       ".ci": True}
COMPLETIONS = ("contrib/completions/daypass.bash", "contrib/completions/_daypass", "contrib/completions/daypass.fish")

# (check, where): why it is right as it is. A row that nothing needs any more is itself a finding.
EXCEPTIONS = {}

findings, used = [], set()


def report(check, where, text):
    if (check, where) in EXCEPTIONS:
        used.add((check, where))
        return
    findings.append(f"{where}: {text} [{check}]")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def exists(path):
    return os.path.exists(os.path.join(ROOT, path))


def tool(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C", "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
    return done.stdout


def blank(match):
    """A comment or a literal, replaced so that lines and columns stay."""
    text = match.group(0)
    keep = text[0] if text[0] in "\"'" else " "
    inner = re.sub(r"[^\n]", " ", text)
    return keep + inner[1:-1] + keep if len(text) > 1 and keep != " " else inner


TOKENS = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''


def without_comments(text):
    return re.sub(TOKENS, lambda m: m.group(0) if m.group(0)[0] in "\"'" else blank(m), text, flags=re.S)


def code_only(text):
    """Neither comments, nor the inside of literals, nor preprocessor lines."""
    text = re.sub(TOKENS, blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.M)


class Source:
    def __init__(self, path):
        self.path, self.text = path, read(path)
        self.plain, self.code = without_comments(self.text), code_only(self.text)
        self.folder = os.path.dirname(path)
        self.stem = os.path.splitext(path)[0]
        self.includes = re.findall(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', self.plain, flags=re.M)

    def ours(self):
        return [name for kind, name in self.includes if kind == '"']

    def functions(self):
        """(name, first line, lines, parameters) of every function that is defined here."""
        depth, start = 0, 0
        for m in re.finditer(r"[{};]", self.code):
            c, at = m.group(0), m.start()
            if c == "{":
                depth += 1
                if depth == 1:
                    head = self.code[start:at]
            elif c == "}":
                depth -= 1
                if depth == 0:
                    found = self.function(head, start, at)
                    if found:
                        yield found
                    start = at + 1 if found or not re.search(r"=\s*$", head) else start
            if depth == 0 and c == ";":
                start = at + 1

    def function(self, head, start, end):
        text = head.rstrip()
        if not text.endswith(")"):
            return None
        depth = 0
        for i in range(len(text) - 1, -1, -1):
            depth += (text[i] == ")") - (text[i] == "(")
            if depth == 0:
                break
        name = re.search(r"(\w+)\s*$", text[:i])
        if not name:
            return None
        first = self.code.count("\n", 0, start + len(head) - len(head.lstrip())) + 1
        last = self.code.count("\n", 0, end) + 1
        return name.group(1), first, last - first + 1, parameters(text[i + 1:-1])


def parameters(text):
    depth, count = 0, 1
    for c in text:
        depth += (c == "(") - (c == ")")
        count += c == "," and depth == 0
    return 0 if text.strip() in ("", "void") else count


def check_includes(sources):
    for s in sources:
        for name in s.ours():
            folder = os.path.dirname(name)
            if not exists(name):
                report("root", f"{s.path}", f'"{name}" is not written from the root')
            elif folder != s.folder and folder not in MAY_INCLUDE[s.folder]:
                report("direction", f"{s.path}", f"{s.folder} must not include {name}")
    places = collections.defaultdict(set)
    for s in sources:
        for kind, name in s.includes:
            if kind == "<" and name.removesuffix(".h") not in SYSTEM and not name.startswith(SYSTEM_FOLDERS):
                places["<" + name + ">"].add(s.path)
        for name in re.findall(r'"(lib[\w.+-]*\.so[.\d]*)"', s.plain):
            places[name].add(s.path)
    for name, files in sorted(places.items()):
        if len(files) > 1:
            report("one-file", name, f"stands in {', '.join(sorted(files))}")
    return [n for n in places if n.startswith("lib")]


def circle(graph):
    """The first circle found, as a list of names, or None."""
    state, path = {}, []

    def visit(node):
        state[node] = 1
        path.append(node)
        for next_node in sorted(graph.get(node, ())):
            if state.get(next_node) == 1:
                return path[path.index(next_node):] + [next_node]
            if next_node not in state:
                found = visit(next_node)
                if found:
                    return found
        path.pop()
        state[node] = 2
        return None

    for node in sorted(graph):
        if node not in state:
            found = visit(node)
            if found:
                return found
    return None


def check_circles(sources):
    headers = {s.path: [n for n in s.ours() if n.endswith(".h")] for s in sources if s.path.endswith(".h")}
    modules = collections.defaultdict(set)
    for s in sources:
        modules[s.stem] |= {os.path.splitext(n)[0] for n in s.ours() if n.endswith(".h")} - {s.stem}
    # What everybody is handed (a bag of ports) makes no circle of those who fill it and those who use it.
    bag = "helper/core/ctx"
    modules = {m: {n for n in to if n != bag} for m, to in modules.items() if m != bag}
    for kind, graph in (("headers", headers), ("modules", modules)):
        found = circle(graph)
        if found:
            report("circle", found[0], f"{kind} in a circle: {' -> '.join(found)}")


def check_sizes(sources):
    count = 0
    for s in sources:
        lines = s.text.count("\n")
        if lines > FILE_LINES:
            report("size", s.path, f"{lines} lines, more than {FILE_LINES}")
        for name, first, length, args in s.functions():
            count += 1
            if length > FUNCTION_LINES:
                report("size", f"{s.path}:{name}", f"line {first}: {length} lines, more than {FUNCTION_LINES}")
            if args > PARAMETERS:
                report("parameters", f"{s.path}:{name}", f"line {first}: {args} parameters, more than {PARAMETERS}")
    return count


def check_calls(sources):
    banned = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for s in sources:
        for m in banned.finditer(s.code):
            line = s.code.count("\n", 0, m.start()) + 1
            report("banned", f"{s.path}:{m.group(1)}", f"line {line}: {m.group(1)}() has no place here")
        if s.folder not in ("protocols", "helper/cmd"):
            for m in re.finditer(STDOUT, s.code):
                report("stdout", s.path, f"line {s.code.count(chr(10), 0, m.start()) + 1}: only protocols/ and cmd/ write to stdout")


def symbols(lines):
    """Defined global names of nm's output; symbol versions that are not the default cannot be linked to."""
    names = set()
    for line in lines.splitlines():
        words = line.split()
        if len(words) >= 2 and words[-2] in "TDBRVWCi" and not re.search(r"[^@]@[^@]", words[-1]):
            names.add(words[-1].split("@")[0])
    return names


def libraries(program, sonames):
    """The files of what the program links and opens, and of libsecret, which it will. (ldconfig may list two kinds: the first is native.)"""
    known = {}
    for name, path in re.findall(r"^\s*(\S+) \([^)]*\) => (\S+)", tool("ldconfig", "-p"), flags=re.M):
        known.setdefault(name, path)
    linked = dict(re.findall(r"^\s*(\S+) => (/\S+)", tool("ldd", program), flags=re.M))
    known.update(linked)
    return {name: known[name] for name in sorted({*linked, *sonames, "libsecret-1.so.0"}) if name in known}


def check_symbols(program, sonames):
    objects = sorted(glob.glob(os.path.join(os.path.dirname(program), "obj", "**", "*.o"), recursive=True))
    ours = symbols(tool("nm", "-g", "--defined-only", *(objects or [program])))
    if not ours:
        report("symbols", program, "nm finds no symbols: build it unstripped")
    exported = symbols(tool("nm", "-D", "--defined-only", program)) & ours
    for name in sorted(exported):
        report("symbols", name, "is exported by the program: is it compiled with -fvisibility=hidden?")
    libs = libraries(program, sonames)
    for soname, path in libs.items():
        for name in sorted((ours - {"main"}) & symbols(tool("nm", "-D", "--defined-only", path))):
            report("symbols", name, f"is exported by {soname} too: rename ours")


def rows(path, macro, field):
    text = without_comments(read(path))
    return [re.findall(r'"[^"]*"|[\w-]+', m)[field].strip('"') for m in re.findall(rf"^{macro}\((.*)\)", text, flags=re.M)]


def check_tables():
    for name in rows("protocols/protocols.def", "PROTOCOL", 0):
        page = f"protocols/{name.removeprefix('protocol_')}.md"
        if not exists(page):
            report("pages", page, "is missing: every protocol has a page beside its file")
    keys = rows("helper/core/keys.def", "KEY", 2)
    commands = [n.removeprefix("command_").replace("_", "-") for n in rows("helper/cmd/commands.def", "COMMAND", 0)]
    wanted = [("contrib/man/daypass-config.5", keys), ("contrib/man/daypass.1", commands)]
    wanted += [(path, commands) for path in COMPLETIONS]
    for path, names in wanted:
        if not exists(path):
            continue
        words = set(re.findall(r"[\w-]+", read(path).replace("\\-", "-")))
        for name in names:
            if name not in words:
                report("documents", f"{path}:{name}", "does not stand there")


def check_top():
    listed = tool("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard").split("\n")
    top = {p.split("/")[0] for p in listed if p} or set(os.listdir(ROOT)) - {".git", "build"}
    for name in sorted(top - set(TOP)):
        report("top", name, "does not belong to the top level")
    for name in sorted(n for n, needed in TOP.items() if needed and n not in top):
        report("top", name, "is missing")
    for name in ("helper/README.md", "tests/README.md"):
        if not exists(name):
            report("top", name, "is missing")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: layers.py PROGRAM")
    os.chdir(ROOT)
    paths = sorted(p for folder in FOLDERS for ext in ("c", "h", "def") for p in glob.glob(f"{folder}/**/*.{ext}", recursive=True))
    sources = [Source(p) for p in paths]
    sonames = check_includes(sources)
    check_circles(sources)
    functions = check_sizes(sources)
    check_calls(sources)
    check_symbols(os.path.abspath(sys.argv[1]), sonames)
    check_tables()
    check_top()
    for check, where in sorted(set(EXCEPTIONS) - used):
        findings.append(f"{where}: the exception is needed no more [{check}]")
    print("\n".join(findings) if findings else f"layers: ok ({len(sources)} files, {functions} functions)")
    if findings:
        print(f"layers: {len(findings)} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
