"""query: CPU per answer beside the echo, NSD and Knot (target 1). scaling: two workers beside one (target 1). growth:
the same with a million instances (target 2)."""

from ground import DATA, KINDS, ask, cpu_seconds, load, load_on_cores, median, names, registry, spread, ZONE
from profile import costs, profile
from servers import Echo, Knot, Nsd, Svcdns

SERVICES, INSTANCES = 1000, 10
GROWN = 100000


def measure(server, kind, answers, services=SERVICES, raw=False):
    """CPU microseconds for an answer, and answers a second."""
    before = cpu_seconds(pids := server.pids)
    result = load(server.port, names(kind, services), kind, count=answers, raw=raw)
    cpu = cpu_seconds(pids) - before
    server.check()
    if result["lost"] > answers / 1000:
        raise RuntimeError(f"{server.name}: {result['lost']} of {answers} queries were lost")
    return cpu * 1e6 / result["answers"], result["answers"] / result["seconds"], result["bytes"] / result["answers"]


def alternate(makers, kind, options):
    """Runs each server in turn, options.rounds times; {name: {"us": […], "rate": […], "bytes": n}}."""
    found = {name: {"us": [], "rate": [], "bytes": 0} for name, _, _ in makers}
    for _ in range(options.rounds):
        for name, make, more in makers:
            with make() as server:
                measure(server, kind, options.answers // 10, **more)  # warm
                us, rate, size = measure(server, kind, options.answers, **more)
                found[name]["us"].append(us)
                found[name]["rate"].append(rate)
                found[name]["bytes"] = size
    return found


def answer_size(kind, qname):
    with Svcdns(registry(SERVICES, INSTANCES)) as server:
        return ask(server.port, qname, 33 if kind["type"] == "SRV" else 1, 1.0)[2]


def row(found, name):
    us = found[name]["us"]
    return {"us": median(us), "spread": spread(us), "rate": median(found[name]["rate"]), "bytes": found[name]["bytes"],
            "runs": us}


def ratio(runs, others):
    """Of neighbours, the median: a machine that is faster in one minute than in the next is so for both."""
    return median([a / b for a, b in zip(runs, others)])


def query(options):
    result = {"answers": options.answers, "rounds": options.rounds, "kinds": {}, "targets": []}
    for label, kind in KINDS.items():
        qname = names(kind, SERVICES).read_text().split()[0]
        size = answer_size(kind, qname)
        source = registry(SERVICES, INSTANCES)
        makers = [("echo", lambda size=size: Echo(size), {"raw": True}),
                  ("svcdns", lambda: Svcdns(source), {}),
                  ("NSD", lambda: Nsd(SERVICES, INSTANCES), {}),
                  ("Knot", lambda: Knot(SERVICES, INSTANCES), {})]
        found = alternate(makers, kind, options)
        rows = result["kinds"][label] = {name: row(found, name) for name, _, _ in makers}
        for cells in rows.values():
            cells["ratio"] = ratio(cells["runs"], rows["echo"]["runs"])
        peer = max(ratio(rows["svcdns"]["runs"], rows[name]["runs"]) for name in ("NSD", "Knot"))
        limit = 1.15 if label == "NXDOMAIN" else 1.25
        peers = 0.75 if label == "SRV" else 1.0
        result["targets"] += [
            (f"{label}: CPU per answer ≤ {limit} × the echo", rows["svcdns"]["ratio"], limit),
            (f"{label}: below the better of NSD and Knot" if peers == 1 else
             f"{label}: ≤ {peers} × the better of NSD and Knot", peer, peers)]
        print(f"  {label}: " + ", ".join(f"{name} {cells['us']:.2f} µs (±{cells['spread']:.0%}, "
                                         f"{cells['rate']:,.0f}/s)" for name, cells in rows.items()), flush=True)
        result.setdefault("profiles", {})[label] = compare_profiles(size, kind, rows, options)
    return result


def compare_profiles(size, kind, rows, options):
    """The dearest functions of svcdns beside the same of the echo, in µs for an answer."""
    found = {}
    for name, server, raw in (("svcdns", Svcdns(registry(SERVICES, INSTANCES)), False), ("echo", Echo(size), True)):
        with server:
            samples = profile(server.pids, lambda: measure(server, kind, options.answers, raw=raw))
            found[name] = costs(samples, rows[name]["us"])
    top = sorted(found["svcdns"], key=found["svcdns"].get, reverse=True)[:24]
    user = sum(us for (where, _), us in found["svcdns"].items() if where != "kernel")
    return {"user_us": user, "echo_user_us": sum(us for (where, _), us in found["echo"].items() if where != "kernel"),
            "top": [(where, function, found["svcdns"][where, function], found["echo"].get((where, function), 0))
                    for where, function in top]}


def scaling(options):
    """Each worker shares its core with a load of its own, so that two cores are enough to have two of both."""
    kind, source = KINDS["A"], registry(SERVICES, INSTANCES)
    cores = {1: [0], 2: [0, 1]}
    found = {workers: {"us": [], "rate": []} for workers in cores}
    for _ in range(options.rounds):
        for workers, where in cores.items():
            with Svcdns(source, core=",".join(map(str, where)), dns__workers=workers) as server:
                for count in (options.answers // 10, options.answers // 2):  # the first is to warm up
                    before = cpu_seconds(pids := server.pids)
                    results = load_on_cores(where, server.port, names(kind, SERVICES), kind, count=count, sockets=16)
                    cpu = cpu_seconds(pids) - before
                server.check()
                answers = sum(result["answers"] for result in results)
                found[workers]["us"].append(cpu * 1e6 / answers)
                found[workers]["rate"].append(sum(result["answers"] / result["seconds"] for result in results))
    rows = {workers: {key: median(values) for key, values in cells.items()} for workers, cells in found.items()}
    for workers, cells in rows.items():
        print(f"  {workers} worker(s): {cells['us']:.2f} µs, {cells['rate']:,.0f}/s", flush=True)
    return {"workers": rows, "targets": [
        ("two workers on two cores: rate ≥ 1.8 × one's", ratio(found[2]["rate"], found[1]["rate"]), -1.8),
        ("two workers: CPU per answer beside one's", ratio(found[2]["us"], found[1]["us"]), 1.1)]}


def growth(options):
    result = {"answers": options.answers, "rounds": options.rounds, "kinds": {}, "targets": []}
    small, big = registry(SERVICES, INSTANCES, "prod"), registry(GROWN, INSTANCES, "prod")
    found = {label: {"small": [], "big": []} for label in KINDS}
    for _ in range(max(1, options.rounds // 2)):
        for size, source, services in (("small", small, SERVICES), ("big", big, GROWN)):
            with Svcdns(source) as server:
                for label, kind in KINDS.items():
                    measure(server, kind, options.answers // 10, services)
                    found[label][size].append(measure(server, kind, options.answers, services)[0])
    for label in KINDS:
        ours = {size: median(us) for size, us in found[label].items()}
        result["kinds"][label] = ours
        result["targets"].append(
            (f"{label}: 1,000,000 instances within 1.3 × of 10,000", ratio(found[label]["big"], found[label]["small"]), 1.3))
        print(f"  {label}: {ours['small']:.2f} µs with 10,000 instances, {ours['big']:.2f} µs with 1,000,000",
              flush=True)
    result["large"] = large_service(options)
    return result


def large_service(options):
    """One service of 10,000 instances over UDP (truncated), beside one of 10."""
    kind = {"type": "A", "rcode": 0, "answers": None, "list": "services"}
    found = {}
    with Svcdns(registry(1, 10000), name="large") as server:
        path = DATA / "large.names"
        path.write_text(f"service-000000.{ZONE}\n")
        before = cpu_seconds(pids := server.pids)
        result = load(server.port, path, kind, count=options.answers // 4)
        found = {"us": (cpu_seconds(pids) - before) * 1e6 / result["answers"],
                 "records": result["records"] / result["answers"], "truncated": result["truncated"] / result["answers"]}
    print(f"  a service of 10,000: {found['us']:.2f} µs for {found['records']:.0f} records, truncated", flush=True)
    return found
