"""What ends the watcher, each with the way out. The topic stays as it is until it runs again."""

from __future__ import annotations

from stream.errors import StreamError

RBAC_FILE = "deploy/kubernetes/inventory.yaml"


class NoClusterError(StreamError):
    def __init__(self, detail: str) -> None:
        super().__init__(
            f"No way to a Kubernetes API is known ({detail}): run in a pod with a service account "
            "token, or name a file with --kubeconfig."
        )


class ApiUnreachableError(StreamError):
    def __init__(self, host: str, seconds: float, detail: str) -> None:
        super().__init__(
            f"The Kubernetes API at {host} has not answered for {seconds:.0f} s ({detail}): see "
            "that it runs and may be reached from here, or name another with --kubeconfig."
        )


class ForbiddenError(StreamError):
    def __init__(self, verb: str, resource: str, host: str) -> None:
        super().__init__(
            f"The Kubernetes API at {host} forbids to {verb} {resource}: apply the ClusterRole and "
            f"its binding of {RBAC_FILE}."
        )


class LoginError(StreamError):
    def __init__(self, host: str) -> None:
        super().__init__(
            f"The Kubernetes API at {host} does not accept the credentials: renew the service "
            "account token, or those of --kubeconfig."
        )


class ResourceMissingError(StreamError):
    def __init__(self, path: str, host: str) -> None:
        super().__init__(
            f"The Kubernetes API at {host} has no {path}: it takes Kubernetes 1.21 or later."
        )


class PublishError(StreamError):
    def __init__(self, topic: str, detail: str) -> None:
        super().__init__(
            f"Kafka refuses records for topic {topic!r} ({detail}): run `flowatlas migrate`, then "
            "start the watcher again."
        )
