"""The benchmarks: python3 main.py [--quick] [topic ...]; started by tools/bench, which builds what they need."""

import argparse
import os
import sys
import time

import report
import servers
import topic_churn
import topic_connections
import topic_memory
import topic_query
import topic_registration
from ground import LOAD_CORE, SERVER_CORE, core_cleared, prepare

TOPICS = {
    "query": topic_query.query, "scaling": topic_query.scaling, "growth": topic_query.growth,
    "churn": topic_churn.churn, "registration": topic_registration.run, "memory": topic_memory.run,
    "checks": topic_connections.checks, "connections": topic_connections.connections,
}


def processor_time():
    """Ticks of all processors since the start, and those that the host of a virtual machine took away."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(field) for field in file.readline().split()[1:9]]
    return sum(ticks), ticks[7]


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description="Measures svcdns beside its peers.")
    parser.add_argument("topics", nargs="*", metavar="topic", help=f"of {', '.join(TOPICS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer answers and three runs: a look, not a measurement")
    parser.add_argument("--answers", type=int, help="answers in each run (2,000,000; quick: 200,000)")
    parser.add_argument("--rounds", type=int, help="alternating runs (7; quick: 3)")
    parser.add_argument("--report-only", action="store_true", help="write BENCHMARKS.md from the results there are")
    options = parser.parse_args()
    unknown = [topic for topic in options.topics if topic not in TOPICS]
    if unknown:
        parser.error(f"no such topic: {', '.join(unknown)}")
    options.answers = options.answers or (200000 if options.quick else 2000000)
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.registrations = 10000 if options.quick else 30000
    options.seconds = 3 if options.quick else 10
    if not options.report_only:
        prepare()
        versions, failed = servers.fetch_peers(), False
        for topic in options.topics or TOPICS:
            print(f"== {topic}", flush=True)
            start, options.load_before, before = time.monotonic(), os.getloadavg()[0], processor_time()
            try:
                with core_cleared(SERVER_CORE, LOAD_CORE):
                    result = TOPICS[topic](options)
            except RuntimeError as error:
                print(f"  failed: {error}", flush=True)
                failed = True
                continue
            spent, stolen = (after - then for after, then in zip(processor_time(), before))
            options.stolen = stolen / spent
            report.save(topic, result, options, versions)
            report.show(result)
            print(f"  {time.monotonic() - start:.0f} s", flush=True)
    report.write()
    print("BENCHMARKS.md is written")
    return 0 if options.report_only else int(failed)


if __name__ == "__main__":
    sys.exit(main())
