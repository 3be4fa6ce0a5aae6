"""The shop, and the story that its traffic tells.

What there is to be found:
- cart and its Redis talk all the time, across a zone boundary that AWS charges for;
- checkout is slow because packets to payment get lost;
- nightly-report asks catalogue for metrics at a port that nobody serves (refused), and an old
  warehouse that is switched off (timed out);
- catalogue, which has no business there, reports to a tracker on the internet; payment, which has,
  talks to the card processor;
- thumbnailer runs where the route to S3's gateway endpoint was forgotten (see network.py), so each
  GB costs what the NAT gateway does; DynamoDB has no endpoint anywhere;
- thumbnailer is by far the biggest user of S3, nightly-report and catalogue come after it;
- payment sends orders to SQS by the interface endpoint of another account's VPC: its private
  address is in no list, and only the name that payment was told says what it is.

The AWS addresses are truly S3's and DynamoDB's (see ip_ranges.json), the two internet ones were
example.com's; here they are namespaces like all the others.
"""

from deploy.local.demo.model import Host, Loss, Node, Port, Service, Shop, Workload
from deploy.local.demo.programs import (
    dns_server,
    fetch,
    redis_commands,
    redis_server,
    stream_of_fetches,
    upload,
    web_server,
)

REGION = "us-east-1"
CLUSTER = "demo-shop"

NODES = (
    Node(
        "node-a", "us-east-1a", "use1-az1", "i-0a1b2c3d4e5f60001", "10.0.1.0/24", "fd00:10:0:1::/64"
    ),
    Node(
        "node-b", "us-east-1b", "use1-az2", "i-0a1b2c3d4e5f60002", "10.0.2.0/24", "fd00:10:0:2::/64"
    ),
    Node(
        "node-c", "us-east-1c", "use1-az4", "i-0a1b2c3d4e5f60003", "10.0.3.0/24", "fd00:10:0:3::/64"
    ),
)

MEDIA = "http://shop-media.s3.us-east-1.amazonaws.com"
MEDIA_IPV6 = "http://shop-media.s3.dualstack.us-east-1.amazonaws.com"
REPORTS = "http://shop-reports.s3.us-east-1.amazonaws.com"
DYNAMODB = "http://dynamodb.us-east-1.amazonaws.com"
SQS = "http://sqs.us-east-1.amazonaws.com"

WORKLOADS = (
    Workload("dnsmasq", ("node-a", "node-c"), (dns_server(),), namespace="kube-system"),
    Workload(
        "catalogue",
        ("node-a", "node-c"),
        (
            web_server(),
            fetch("images", f"{MEDIA_IPV6}/20000", pause=1),
            upload("tracker", "http://collect.tracker.example.net/", 20_000, pause=1),
        ),
    ),
    Workload("cart-redis", ("node-b",), (redis_server(),), kind="StatefulSet"),
    Workload(
        "cart",
        ("node-a",),
        (
            web_server(),
            redis_commands("save", "cart-redis", f"SET cart {'x' * 8_000}", pause=0.02),
            redis_commands("load", "cart-redis", "GET cart", pause=0.01),
        ),
    ),
    Workload(
        "payment",
        ("node-c",),
        (
            web_server(),
            fetch("cards", "http://api.cards.example.com/2000", pause=1),
            redis_commands("ledger", "ledger.corp.example", "LPUSH payments 4711", pause=0.2),
            upload("orders", f"{SQS}/", 2_000, pause=0.5),
        ),
    ),
    Workload(
        "checkout",
        ("node-b",),
        (
            web_server(),
            upload("pay", "http://payment/", 100_000, pause=0.3),
            stream_of_fetches("orders", f"{DYNAMODB}/2000", per_second=10),
        ),
    ),
    Workload("storefront", ("node-a", "node-b"), (web_server("storefront.conf", 8080),)),
    Workload(
        "thumbnailer",
        ("node-b",),
        (
            stream_of_fetches("originals", f"{MEDIA}/500000", per_second=2),
            upload("thumbnails", f"{MEDIA}/", 100_000, pause=0.5),
        ),
    ),
    Workload(
        "nightly-report",
        ("node-c",),
        (
            upload("reports", f"{REPORTS}/", 500_000, pause=4),
            fetch("metrics", "http://catalogue:9090/metrics", pause=2),
            fetch("warehouse", "http://warehouse.corp.example/", pause=1),
            redis_commands("ledger", "ledger.corp.example", "LRANGE payments 0 200", pause=0.5),
        ),
        kind="Job",
        sysctls=(("net.ipv4.tcp_syn_retries", "1"),),  # gives up after 3 s instead of 2 min
    ),
    Workload(
        "shoppers",
        ("node-c",),
        (
            stream_of_fetches("browse", "http://storefront/catalogue/20000", per_second=10),
            fetch("fill-cart", "http://storefront/cart/2000", pause=0.3),
            fetch("buy", "http://storefront/checkout/2000", pause=1),
        ),
    ),
)

SERVICES = (
    Service(
        "kube-dns",
        "dnsmasq",
        ("172.20.0.10",),
        (Port("dns", 53, 53, "UDP"), Port("dns-tcp", 53, 53)),
        namespace="kube-system",
    ),
    Service("storefront", "storefront", ("172.20.11.1",), (Port("http", 80, 8080),)),
    Service(
        "catalogue",
        "catalogue",
        ("172.20.11.2", "fd00:20::11:2"),
        (Port("http", 80, 80), Port("metrics", 9090, 9090)),
    ),
    Service("cart", "cart", ("172.20.11.3",), (Port("http", 80, 80),)),
    Service("cart-redis", "cart-redis", ("172.20.11.4",), (Port("redis", 6379, 6379),)),
    Service("checkout", "checkout", ("172.20.11.5",), (Port("http", 80, 80),)),
    Service("payment", "payment", ("172.20.11.6",), (Port("http", 80, 80),)),
)

HOSTS = (
    Host("s3-media", ("52.216.8.45",), ("shop-media.s3.us-east-1.amazonaws.com",), (web_server(),)),
    Host(
        "s3-media-ipv6",
        ("2600:1fa0:8000::34d8:82d",),
        ("shop-media.s3.dualstack.us-east-1.amazonaws.com",),
        (web_server(),),
    ),
    Host(
        "s3-reports",
        ("54.231.130.7",),
        ("shop-reports.s3.us-east-1.amazonaws.com",),
        (web_server(),),
    ),
    Host("dynamodb", ("52.94.2.10",), ("dynamodb.us-east-1.amazonaws.com",), (web_server(),)),
    Host("sqs", ("10.8.1.20",), ("sqs.us-east-1.amazonaws.com",), (web_server(),)),
    Host("card-processor", ("93.184.216.34",), ("api.cards.example.com",), (web_server(),)),
    Host("tracker", ("93.184.215.14",), ("collect.tracker.example.net",), (web_server(),)),
    Host("ledger", ("192.168.40.10",), ("ledger.corp.example",), (redis_server(),)),
    Host("warehouse", ("192.168.40.99",), ("warehouse.corp.example",), ()),
)

SHOP = Shop(
    nodes=NODES,
    workloads=WORKLOADS,
    services=SERVICES,
    hosts=HOSTS,
    losses=(Loss(("checkout", "payment"), percent=5),),
)
