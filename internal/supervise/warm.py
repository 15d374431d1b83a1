# AGATA: an interpreter that has imported what tasks use, and waits for a task.
#
# It runs as `python -c THIS NAME...` with a socket as file 3. It says on it that
# it is ready ("+"), or why not ("-" and a text). Then it takes one order: the length
# of what follows, a newline, and texts ended by NUL: the working directory, the
# number of arguments, the arguments, and the variables of the task. It says "+" when the
# script could run, and runs it at the word "+". Whatever keeps it from being to the
# script what a new interpreter would be, it says instead, and ends: then a new one
# is started. If the socket is closed, nobody wants it any more.

import sys

if sys.path and sys.path[0] == "":
    del sys.path[0]  # the working directory, which scripts do not import from

import os
from importlib.machinery import SourceFileLoader

ORDERS = 3
ROOM = b"AGATA_WARM="  # the variable whose place in memory is for those of the task


class Refused(Exception):
    """The order must be carried out by a new interpreter."""


def read(count):
    data = b""
    while len(data) < count:
        more = os.read(ORDERS, count - len(data))
        if not more:
            os._exit(0)  # nobody wants this interpreter any more
        data += more
    return data


def say(word, text=""):
    try:
        os.write(ORDERS, word + text.replace("\n", " ").encode("utf-8", "replace")[:500])
    except OSError:
        os._exit(0)


def fetch(name):
    """Import a module, or what is in one: packages may import the rest at its first use."""
    package, _, last = name.rpartition(".")
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        if not package or error.name != name:
            raise
        __import__(package)
        getattr(sys.modules[package], last)


def heat(names):
    """Import what is named. Nothing is collected meanwhile: nearly all of it stays."""
    import gc

    gc.disable()
    for name in names:
        try:
            fetch(name)
        except BaseException as error:  # an import may even exit
            sys.stderr.flush()
            say(b"-", "import %s: %s: %s" % (name, type(error).__name__, error))
            os._exit(1)
    gc.enable()


def order():
    """Wait for the order and return the folder, the arguments and the variables."""
    length = b""
    while not length.endswith(b"\n"):
        length += read(1)
    texts = [os.fsdecode(text) for text in read(int(length)).split(b"\0")[:-1]]
    count = int(texts[1])
    return texts[0], texts[2 : 2 + count], [t.partition("=") for t in texts[2 + count :]]


def prepare(folder, argv, environ):
    """Become what `python SCRIPT ARGUMENTS...` is before its first line."""
    script = argv[1]
    beside = os.path.dirname(os.path.realpath(script))
    for name in os.listdir(beside):
        name = name.partition(".")[0]
        if name in sys.modules and name != "__main__":
            raise Refused("the task has a module %s of its own" % name)
    with open(script, "rb") as file:
        source = file.read()
    code = compile(source, script, "exec", dont_inherit=True)

    os.chdir(folder)
    # All else is as this interpreter found it, and as its imports left it.
    for name in [n for n in os.environ if n.startswith("AGATA_") or n == "TRACEPARENT"]:
        del os.environ[name]
    os.environ.update((name, value) for name, _, value in environ)
    sys.orig_argv[1:] = argv[1:]
    show(sys.orig_argv, environ)

    sys.argv[:] = argv[1:]
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, beside)
    main = type(sys)("__main__")
    main.__dict__.update(
        __builtins__=sys.modules["builtins"],
        __loader__=SourceFileLoader("__main__", script),
        __file__=script,
        __cached__=None,
    )
    if "__annotations__" in globals():
        main.__annotations__ = {}
    sys.modules["__main__"] = main
    return code, main.__dict__


def show(argv, environ):
    """Let the kernel show the task's arguments, and what its execution is known by."""
    with open("/proc/self/stat", "rb") as file:
        places = file.read().rpartition(b")")[2].split()[45:49]
    arg_start, arg_end, env_start, env_end = map(int, places)
    with open("/proc/self/environ", "rb") as file:
        room = (b"\0" + file.read()).find(b"\0" + ROOM)
    if room < 0:
        raise Refused("there is no room for the task's variables")
    ours = ["%s=%s" % (name, value) for name, _, value in environ]
    with open("/proc/self/mem", "r+b", 0) as memory:
        put(memory, arg_start, arg_end, argv, True)
        put(memory, env_start + room, env_end, ours, False)


def put(memory, start, end, texts, cut):
    data = b"".join(os.fsencode(text) + b"\0" for text in texts)
    if cut:
        data = data[: end - start - 1]
    if len(data) > end - start:
        raise Refused("there is no room for the task's variables")
    memory.seek(start)
    memory.write(data.ljust(end - start, b"\0"))


def run(code, names):
    """Run the script. What it raises is shown as if nothing were around it."""
    try:
        exec(code, names)
    except BaseException:
        shown = sys.excepthook

        def show_below(kind, value, trace):
            value.__traceback__ = trace.tb_next.tb_next  # without this file
            shown(kind, value, value.__traceback__)

        sys.excepthook = show_below
        raise


def task():
    """Wait for a task and return its code and its names, once it may run."""
    try:
        prepared = prepare(*order())
    except BaseException as error:
        say(b"-", "%s: %s" % (type(error).__name__, error))
        os._exit(1)
    say(b"+")
    read(1)
    os.close(ORDERS)
    return prepared


os.set_inheritable(ORDERS, False)
heat(sys.argv[1:])
say(b"+")
run(*task())
