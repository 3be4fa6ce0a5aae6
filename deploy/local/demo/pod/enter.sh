#!/bin/sh -e
# enter.sh CGROUP NAMESPACE COMMAND...: becomes COMMAND the way a container runtime starts one.
# The cgroup comes first, so that no socket is ever made outside it; then the network namespace;
# then a mount namespace in which the current directory's resolv.conf is the system's.
cgroup=$1 namespace=$2
shift 2
echo $$ > "$cgroup/cgroup.procs"
exec nsenter --net="$namespace" unshare --mount --propagation private sh -ec '
    mount --bind resolv.conf /etc/resolv.conf
    mount -t tmpfs tmpfs /tmp
    exec "$@"' container "$@"
