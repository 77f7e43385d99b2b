"""servers.py - the servers that rivals.py compares: our node, the ceilings, and Debian's nginx, Varnish, Traffic Server
and HAProxy, each as Debian configures it as far as it caches at all ("-debian") and as it is best. Configurations
are written into a folder of the bench's own. As root, rivals run as nobody.

A Kind is how to start one; a Running is one that runs, with what it costs. Nothing here needs to know what is measured.
"""
import contextlib
import json
import os
import pwd
import re
import resource
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mesh"))
import client  # noqa: E402
import harness  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
UNPRIVILEGED = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if os.geteuid() == 0 else []


def file_limit():
    """Raises the limit on open files as far as allowed, for us and what we start; returns it."""
    want, hard = 200000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < want:
        with contextlib.suppress(ValueError, OSError):      # it takes root
            resource.setrlimit(resource.RLIMIT_NOFILE, (want, want))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


# A proxy may want two files a connection.
CONNECTIONS_WANTED, FILES_BESIDE = 10000, 1000
FILES_MAX = file_limit() - CONNECTIONS_WANTED - FILES_BESIDE     # that a cache may keep open beside its connections
CONNECTIONS_MAX = min(CONNECTIONS_WANTED + 100, (file_limit() - FILES_BESIDE) // 2)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def stat_fields(pid):
    """What stands behind the program's name in /proc/PID/stat: [0] is field 3, the state."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()


def tree(root):
    """The process and all that came from it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(stat_fields(entry)[1]), []).append(int(entry))
            except OSError:
                pass        # it has just ended
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


class Running:
    """One server that answers, of one process tree or more."""

    def __init__(self, processes, port, started_s, memory_used=None):
        self.processes, self.port, self.started_s = processes, port, started_s
        self.owner_address = None       # of two in a row: where the one behind is asked
        self.memory_used = memory_used or self.pss
        self.address = ("127.0.0.1", port)

    def pids(self):
        return [pid for process in self.processes for pid in tree(process.process.pid)]

    def cpu(self):
        """(user, system) seconds of all threads, and of children that ended."""
        fields = [stat_fields(pid) for pid in self.pids()]
        return tuple(sum(int(each[at]) + int(each[at + 2]) for each in fields) / TICKS for at in (11, 12))

    def pin(self, core):
        """Holds each thread to the core: Traffic Server gives its threads all cores of the machine at their start."""
        for pid in self.pids():
            for task in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(task), {core})

    def pss(self):
        """Bytes of memory; what processes share counts once."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
                total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) * 1024
        return total

    def stop(self):
        """Ends it all, by process id; returns what was wrong with our own programs' ends."""
        pids, wrong = self.pids(), []
        for process in self.processes:
            process.ask_to_end()
        for process in self.processes:
            said = process.finish()
            process.case.processes.remove(process)
            if said and process.ours:
                wrong.append(said)
        for pid in pids:
            try:
                if stat_fields(pid)[1] == "1":      # a worker that lost its master
                    os.kill(pid, 9)
            except OSError:
                pass
        return wrong


class Kind:
    """How to start one server. |rival|: another's; |cached|: it is a cache (a ceiling is not); |files|: it keeps
    objects in files, which had better lie in memory."""
    package = program = None
    rival = cached = True
    files = False

    def __init__(self, name, best=True):
        self.name, self.best = name, best

    def missing(self):
        if self.program is None or shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return None
        return f"{self.name}: {self.program} is not there, Debian's package {self.package}"

    def version(self):
        return ""

    def start(self, bench, folder):
        """Starts it in |folder| (what lies there from earlier turns is used again); returns it once it answers."""
        os.makedirs(folder, exist_ok=True)
        port = free_port()
        command, env, memory_used = self.prepare(folder, port, bench.origin_port)
        if UNPRIVILEGED:
            nobody = pwd.getpwnam("nobody")
            for place, _, files in os.walk(folder):
                for path in [place] + [os.path.join(place, file) for file in files]:
                    os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
        began = time.monotonic()
        with bench.on_server_core():
            process = harness.Process(bench.case, self.name, UNPRIVILEGED + command, env=env)
        process.ours = False
        process.drain()
        running = Running([process], port, answered(process, port, began), memory_used)
        running.pin(bench.server_core)
        return running

    def prepare(self, folder, port, origin_port):
        raise NotImplementedError


def answered(process, port, began, timeout=60):
    """Waits for the first answer; the seconds since |began|."""
    while time.monotonic() < began + timeout:
        try:
            if client.fetch(("127.0.0.1", port), "/1024/first", timeout=5).status == 200:
                return time.monotonic() - began
        except (OSError, AssertionError, ValueError, client.Broken):
            pass
        if not process.running:
            raise RuntimeError(f"{process.name} did not start:\n{process.log()}")
        time.sleep(0.001)
    raise RuntimeError(f"{process.name} does not answer:\n{process.log()}")


def said_by(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode("utf-8", "replace").strip()


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Hedgerow(Kind):
    """Our node, admitted to a mesh of its own. |log|: with its access log, as by default; |workers|: as many as it has
    cores, as by default, or so many."""
    rival = False

    def __init__(self, name, log=True, workers=None):
        super().__init__(name)
        self.flags = [] if log else ["--access-log", "/dev/null"]
        self.flags += ["--workers", str(workers)] if workers else []

    def version(self):
        return "this tree"

    def start(self, bench, folder):
        port = free_port()
        fresh_folder(folder)
        node_file = bench.node_file("node")
        began = time.monotonic()
        node = start_node(bench, "node", node_file, folder, port, self.flags)
        return Running([node], port, answered(node, port, began))


def fresh_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)


def start_node(bench, name, node_file, data, port, flags, memory="2GiB", seeds=()):
    with bench.on_server_core():
        node = bench.case.node(name, f"http://127.0.0.1:{bench.origin_port}", node_file=node_file, seeds=seeds,
                               data=data, wait=False,
                               flags=["--http", f"127.0.0.1:{port}", "--memory", memory,
                                      "--viewers-per-address", str(CONNECTIONS_MAX), *flags])
    node.ours = True
    return node


class HedgerowPeers(Kind):
    """Two nodes: all that is asked for lies at the owner, and the edge has memory for next to nothing. The paths that
    the owner owns are |paths| of what runs."""
    rival = False

    def start(self, bench, folder):
        fresh_folder(folder)
        ports, began = (free_port(), free_port()), time.monotonic()
        owner = start_node(bench, "owner", bench.node_file("owner"), folder + "/owner", ports[0], [])
        owner.wait_ready()
        edge = start_node(bench, "edge", bench.node_file("edge"), folder + "/edge", ports[1], [], "64KiB", [owner.mesh])
        edge.wait_ready()
        bench.case.wait_agreed([owner, edge])
        running = Running([edge, owner], ports[1], time.monotonic() - began)
        running.owner_address = owner.http
        return running


class Ceiling(Kind):
    rival = cached = False

    def start(self, bench, folder):
        began = time.monotonic()
        process, port = start_ceiling(bench, self.name, ["--libev"] if self.name.endswith("libev") else [])
        return Running([process], port, answered(process, port, began))


def start_ceiling(bench, name, flags, on_server_core=True):
    with bench.on_server_core() if on_server_core else bench.on_generator_core():
        process = harness.Process(bench.case, name, [bench.tool("ceiling"), *flags])
    process.ours = True
    port = client.address_of(json.loads(process.line())["http"])[1]
    process.drain()
    return process, port


class Nginx(Kind):
    package, program = "nginx-light", "nginx"
    files = True

    def version(self):
        return said_by("/usr/sbin/nginx", "-v").rpartition("/")[2]

    def prepare(self, folder, port, origin_port):
        keepalive = "keepalive 128; keepalive_requests 100000000;" if self.best else ""
        text = f"""{self.common(folder)}
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=objects:128m max_size=8g inactive=1d use_temp_path=off;
    upstream origin {{ server 127.0.0.1:{origin_port}; {keepalive} }}
    server {{
        listen 127.0.0.1:{port}{" backlog=4096" if self.best else ""};
        location / {{
            proxy_pass http://origin;
            proxy_cache objects;
            {'proxy_http_version 1.1; proxy_set_header Connection "";' if self.best else ""}
        }}
    }}
}}
"""
        return self.command(folder, text), None, None

    def command(self, folder, text, name="nginx"):
        return ["/usr/sbin/nginx", "-e", f"{folder}/{name}.err", "-c", write(folder, f"{name}.conf", text)]

    def common(self, folder, name="nginx"):
        temps = " ".join(f"{what}_temp_path {folder}/temp-{what};"
                         for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        best = f"""
    tcp_nopush off;
    access_log off;
    open_file_cache max={FILES_MAX} inactive=1h;
    open_file_cache_valid 1h;
    keepalive_requests 100000000;
    keepalive_timeout 1h;"""
        debian = f"""
    tcp_nopush on;
    access_log {folder}/access.log;
    gzip on;"""
        return f"""daemon off;
worker_processes {1 if self.best else "auto"};
pid {folder}/{name}.pid;
events {{ worker_connections {CONNECTIONS_MAX + 200 if self.best else 768}; }}
http {{
    sendfile on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    {temps}{best if self.best else debian}"""


class NginxHop(Nginx):
    """An nginx that only hands on what another, behind it, has in its cache."""

    def start(self, bench, folder):
        behind = super().start(bench, folder)
        port = free_port()
        text = f"""{self.common(folder, "hop")}
    upstream behind {{ server 127.0.0.1:{behind.port}; keepalive 128; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        proxy_buffers 16 32k;
        proxy_busy_buffers_size 256k;
        proxy_max_temp_file_size 0;
        location / {{ proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""
        command = self.command(folder, text, "hop")
        with bench.on_server_core():
            hop = harness.Process(bench.case, "nginx-hop", UNPRIVILEGED + command)
        hop.ours = False
        hop.drain()
        running = Running([hop, *behind.processes], port, answered(hop, port, time.monotonic()))
        running.owner_address = behind.address
        return running


class Varnish(Kind):
    package, program = "varnish", "varnishd"
    # What a hit or a miss says to the log in shared memory.
    QUIET = ",".join("-" + tag for tag in (
        "Begin End Link SessOpen SessClose ReqStart ReqMethod ReqURL ReqProtocol ReqHeader ReqUnset ReqAcct "
        "RespProtocol RespStatus RespReason RespHeader RespUnset BereqMethod BereqURL BereqProtocol BereqHeader "
        "BereqUnset BereqAcct BerespProtocol BerespStatus BerespReason BerespHeader BerespUnset BackendOpen "
        "BackendClose BackendReuse BackendStart Storage Fetch_Body Length TTL VCL_call VCL_return VCL_use Hit "
        "Timestamp Filters").split())

    def version(self):
        return said_by("/usr/sbin/varnishd", "-V").partition("varnish-")[2].split()[0]

    def prepare(self, folder, port, origin_port):
        vcl = write(folder, "bench.vcl", f"""vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{origin_port}"; }}
""")
        words = ["/usr/sbin/varnishd", "-F", "-j", "none", "-n", f"{folder}/work", "-a", f"127.0.0.1:{port}", "-f", vcl,
                 "-s", "malloc,3g", "-T", "none"]
        if self.best:
            words += ["-p", f"vsl_mask={self.QUIET}", "-p", "thread_pools=1", "-p", "thread_pool_min=200",
                      "-p", "thread_pool_max=1000", "-p", "timeout_idle=3600", "-p", "listen_depth=4096"]
        return words, None, None


class TrafficServer(Kind):
    package, program = "trafficserver", "traffic_server"
    files = True
    ALIKE = {"cache.ram_cache.size": "INT 3221225472", "url_remap.remap_required": "INT 1",
             "reverse_proxy.enabled": "INT 1", "http.cache.required_headers": "INT 2",
             "net.connections_throttle": "INT 30000", "crash_log_helper": "STRING NULL"}
    BEST = {"exec_thread.autoconfig": "INT 0", "exec_thread.limit": "INT 1", "accept_threads": "INT 0",
            "task_threads": "INT 1", "log.logging_enabled": "INT 0", "cache.ram_cache_cutoff": "INT 67108864",
            "cache.ram_cache.use_seen_filter": "INT 0",
            "http.insert_request_via_str": "INT 0", "http.keep_alive_no_activity_timeout_in": "INT 3600",
            "http.negative_caching_enabled": "INT 0", "http.normalize_ae": "INT 0"}
    DEBIAN = {"exec_thread.autoconfig": "INT 1", "exec_thread.autoconfig.scale": "FLOAT 1.0",
              "exec_thread.limit": "INT 2",
              "accept_threads": "INT 1", "task_threads": "INT 2", "log.logging_enabled": "INT 3",
              "cache.ram_cache_cutoff": "INT 4194304", "http.insert_request_via_str": "INT 1",
              "http.normalize_ae": "INT 1"}

    def version(self):
        return said_by("traffic_server", "-V").partition("Traffic Server ")[2].split()[0]

    def prepare(self, folder, port, origin_port):
        for part in ("etc", "run", "log", "cache"):
            os.makedirs(f"{folder}/{part}", exist_ok=True)
        settings = {**self.ALIKE, **(self.BEST if self.best else self.DEBIAN), "http.server_ports": f"STRING {port}",
                    "admin.user_id": "STRING #-1"}
        write(folder, "etc/records.config", "".join(f"CONFIG proxy.config.{name} {value}\n"
                                                    for name, value in settings.items()))
        write(folder, "etc/remap.config", f"map / http://127.0.0.1:{origin_port}/\n")
        write(folder, "etc/storage.config", f"{folder}/cache 4G\n")
        for name in ("ip_allow.yaml", "logging.yaml"):
            shutil.copy(f"/etc/trafficserver/{name}", f"{folder}/etc/{name}")
        places = {"prefix": "/usr", "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/sbin",
                  "sysconfdir": f"{folder}/etc", "datadir": f"{folder}/cache", "localstatedir": f"{folder}/run",
                  "runtimedir": f"{folder}/run", "logdir": f"{folder}/log", "cachedir": f"{folder}/cache"}
        root = write(folder, "runroot.yaml", "".join(f"{name}: {value}\n" for name, value in places.items()))
        return ["traffic_server", f"--run-root={root}"], None, None


class HAProxy(Kind):
    package, program = "haproxy", "haproxy"

    def version(self):
        return said_by("/usr/sbin/haproxy", "-v").split()[2].partition("-")[0]

    def prepare(self, folder, port, origin_port):
        control = f"{folder}/control.sock"
        alike = f"    stats socket {control} mode 666 level admin\n    stats timeout 30s\n"
        best = f"global\n    nbthread 1\n    maxconn {CONNECTIONS_MAX}\n{alike}defaults\n    http-reuse always\n"
        debian = (f"global\n    log {folder}/log.sock local0\n    log {folder}/log.sock local1 notice\n{alike}"
                  "defaults\n    log global\n    option httplog\n    option dontlognull\n")
        timeout = "1h" if self.best else "50000"
        text = f"""{best if self.best else debian}    mode http
    timeout connect 5000
    timeout client {timeout}
    timeout server {timeout}
cache objects
    total-max-size 1000
    max-object-size 67108864
    max-age 86400
frontend viewers
    bind 127.0.0.1:{port}{" backlog 4096" if self.best else ""}
    http-request cache-use objects
    http-response cache-store objects
    default_backend origin
backend origin
    server origin 127.0.0.1:{origin_port}
"""
        if not self.best:
            listen_for_log(f"{folder}/log.sock")
        command = ["/usr/sbin/haproxy", "-db", "-f", write(folder, "haproxy.cfg", text)]
        return command, None, lambda: self.blocks_used(control)

    @staticmethod
    def blocks_used(control):
        """Bytes of the blocks that objects take, of 1,024 and a head of 48: all of the cache is in memory from the
        start, so that the process does not grow."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(control)
            asked.sendall(b"show cache\n")
            said = b"".join(iter(lambda: asked.recv(65536), b""))
        return sum(map(int, re.findall(rb"\((\d+) blocks\)", said))) * (1024 + 48)


LOG_SOCKETS = []


def listen_for_log(path):
    """A syslog that is there and reads nothing, so that a log line costs what HAProxy pays for it and nobody else."""
    if os.path.exists(path):
        os.unlink(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(path)
    os.chmod(path, 0o666)
    LOG_SOCKETS.append(made)


KINDS = [Hedgerow("hedgerow"), Hedgerow("hedgerow-nolog", log=False), Ceiling("ceiling"), Ceiling("ceiling-libev"),
         Nginx("nginx"), Varnish("varnish"), TrafficServer("ats"), HAProxy("haproxy"),
         Nginx("nginx-debian", best=False), Varnish("varnish-debian", best=False),
         TrafficServer("ats-debian", best=False), HAProxy("haproxy-debian", best=False)]
PEERS = [HedgerowPeers("hedgerow"), NginxHop("nginx")]
WORKERS = [Hedgerow("hedgerow", workers=2), Hedgerow("hedgerow-1worker", workers=1)]
