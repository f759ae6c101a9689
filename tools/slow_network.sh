#!/usr/bin/env bash
# Runs a program on N ranks, each on a simulated machine: a network namespace with its own name and a link of limited rate to
# the others. Needs Linux, root, Open MPI and iproute2. All traffic stays on this computer.
#
#     tools/slow_network.sh 4 1gbit target/debug/examples/messages
#
# Needs the queueing discipline `tbf` of the kernel. `netem`, which delays packets, is not used, because many kernels lack
# it: the example `messages` can delay the messages instead.
set -euo pipefail
ranks=$1 rate=$2
shift 2
work=$(mktemp -d)
prefix=backdraw-$$ # two jobs at the same time do not share namespaces
names=(hub)
for ((i = 0; i < ranks; i++)); do names+=("rank$i"); done

remove() {
    for name in "${names[@]}"; do ip netns del "$prefix-$name" 2>/dev/null || true; done
    rm -rf "$work"
}
trap remove EXIT

# What a link passes on at once after a pause: from 1gbit on, two milliseconds of its rate.
burst=256kb
case $rate in *gbit) burst=$((256 * ${rate%gbit}))kb ;; esac

limit() { # namespace, device: what it sends
    if [ "$rate" != none ]; then ip netns exec "$1" tc qdisc add dev "$2" root tbf rate "$rate" burst "$burst" latency 100ms; fi
}

ip netns add "$prefix-hub"
ip -n "$prefix-hub" link add bridge type bridge
ip -n "$prefix-hub" addr add 10.77.0.254/24 dev bridge
ip -n "$prefix-hub" link set bridge up
ip -n "$prefix-hub" link set lo up
hosts=
for ((i = 0; i < ranks; i++)); do
    ip netns add "$prefix-rank$i"
    ip -n "$prefix-hub" link add "to$i" type veth peer name eth0 netns "$prefix-rank$i"
    ip -n "$prefix-hub" link set "to$i" master bridge up
    ip -n "$prefix-rank$i" addr add "10.77.0.$((i + 1))/24" dev eth0
    ip -n "$prefix-rank$i" link set eth0 up
    ip -n "$prefix-rank$i" link set lo up
    limit "$prefix-rank$i" eth0
    limit "$prefix-hub" "to$i"
    hosts+="${hosts:+,}10.77.0.$((i + 1)):1"
done

# What Open MPI starts instead of ssh: agent ADDRESS COMMAND...
cat >"$work/agent" <<'AGENT'
#!/bin/sh
name=rank$((${1##*.} - 1))
shift
exec ip netns exec "$PREFIX-$name" unshare --uts sh -c "hostname $name; $*"
AGENT
chmod +x "$work/agent"
PREFIX=$prefix timeout "${LIMIT:-90}" ip netns exec "$prefix-hub" mpirun --allow-run-as-root -q -n "$ranks" --host "$hosts" --bind-to none \
    --mca plm rsh --mca plm_rsh_agent "$work/agent" --mca btl self,tcp --mca mpi_yield_when_idle 1 \
    --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 "$@"
