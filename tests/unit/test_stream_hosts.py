"""Host names of AWS's, by the endpoint data of the installed botocore."""

from __future__ import annotations

import tracemalloc

import pytest

from stream import hosts

NAMES = """
sqs.us-east-1.amazonaws.com                                     SQS us-east-1
queue.amazonaws.com                                             SQS us-east-1
us-west-2.queue.amazonaws.com                                   SQS us-west-2
sqs-fips.us-west-2.amazonaws.com                                SQS us-west-2
sqs.eu-west-1.api.aws                                           SQS eu-west-1
sqs.cn-north-1.amazonaws.com.cn                                 SQS cn-north-1 aws-cn
sqs.cn-north-1.api.amazonwebservices.com.cn                     SQS cn-north-1 aws-cn
SQS.us-east-1.amazonaws.com.                                    SQS us-east-1
vpce-0a1-b2c.sqs.us-east-1.vpce.amazonaws.com                   SQS us-east-1 aws endpoint
vpce-0a1-b2c-us-east-1a.sqs.us-east-1.vpce.amazonaws.com        SQS us-east-1 aws endpoint
bucket.vpce-1a-5m.s3.us-east-1.vpce.amazonaws.com               S3 us-east-1 aws endpoint
vpce-0a1-b2c.vpce-svc-09f.us-east-1.vpce.amazonaws.com          PRIVATELINK us-east-1 aws endpoint
s3.amazonaws.com                                                S3 -
bucket.s3.amazonaws.com                                         S3 -
us-west-2.s3.amazonaws.com                                      S3 -
sqs.us-west-2.s3.eu-west-1.amazonaws.com                        S3 eu-west-1
s3.eu-west-1.amazonaws.com                                      S3 eu-west-1
my.bucket.s3.eu-west-1.amazonaws.com                            S3 eu-west-1
bucket.s3-us-west-2.amazonaws.com                               S3 us-west-2
bucket.s3.dualstack.us-west-2.amazonaws.com                     S3 us-west-2
bucket.s3-fips.us-gov-west-1.amazonaws.com                      S3 us-gov-west-1 aws-us-gov
bucket.s3-website-us-east-1.amazonaws.com                       S3 us-east-1
bucket.s3-website.eu-central-1.amazonaws.com                    S3 eu-central-1
point-123456789012.s3-accesspoint.us-east-1.amazonaws.com       S3 us-east-1
bucket.s3-accelerate.amazonaws.com                              S3 -
123456789012.s3-control.eu-west-1.amazonaws.com                 S3 eu-west-1
b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com    S3 us-east-1
dynamodb.eu-west-1.amazonaws.com                                DYNAMODB eu-west-1
streams.dynamodb.eu-west-1.amazonaws.com                        DYNAMODB eu-west-1
123456789012.ddb.eu-west-1.amazonaws.com                        DYNAMODB eu-west-1
sts.amazonaws.com                                               STS us-east-1
sts.eu-west-1.amazonaws.com                                     STS eu-west-1
sts.us-iso-east-1.c2s.ic.gov                                    STS us-iso-east-1 aws-iso
sts.eusc-de-east-1.amazonaws.eu                                 STS eusc-de-east-1 aws-eusc
iam.amazonaws.com                                               IAM us-east-1
iam.us-gov.amazonaws.com                                        IAM us-gov-west-1 aws-us-gov
kms.eu-west-1.amazonaws.com                                     KMS eu-west-1
sns.eu-west-1.amazonaws.com                                     SNS eu-west-1
secretsmanager.eu-west-1.amazonaws.com                          SECRETSMANAGER eu-west-1
logs.eu-west-1.amazonaws.com                                    LOGS eu-west-1
monitoring.eu-west-1.amazonaws.com                              CLOUDWATCH eu-west-1
kinesis.eu-west-1.amazonaws.com                                 KINESIS eu-west-1
ssmmessages.eu-west-1.amazonaws.com                             SSM eu-west-1
api.ecr.eu-west-1.amazonaws.com                                 ECR eu-west-1
123456789012.dkr.ecr.eu-west-1.amazonaws.com                    ECR eu-west-1
ecr.eu-west-1.api.aws                                           ECR eu-west-1
public.ecr.aws                                                  ECR_PUBLIC -
shop.cxyz.eu-west-1.rds.amazonaws.com                           RDS eu-west-1
shop.cluster-ro-cxyz.eu-west-1.rds.amazonaws.com                RDS eu-west-1
shop.cxyz.rds.cn-north-1.amazonaws.com.cn                       RDS cn-north-1 aws-cn
shop.cluster-cxyz.eu-west-1.docdb.amazonaws.com                 DOCDB eu-west-1
shop.cluster-cxyz.eu-west-1.neptune.amazonaws.com               NEPTUNE eu-west-1
cart.abc123.ng.0001.use1.cache.amazonaws.com                    ELASTICACHE us-east-1
cart-abc123.serverless.apne2.cache.amazonaws.com                ELASTICACHE ap-northeast-2
clustercfg.cart.abc123.memorydb.eu-west-1.amazonaws.com         MEMORYDB eu-west-1
b-1.events.abc123.c2.kafka.eu-west-1.amazonaws.com              KAFKA eu-west-1
boot-abc.c1.kafka-serverless.eu-west-1.amazonaws.com            KAFKA eu-west-1
b-1234-1.mq.eu-west-1.amazonaws.com                             MQ eu-west-1
vpc-logs-abc.eu-west-1.es.amazonaws.com                         OPENSEARCH eu-west-1
vpc-logs-abc.aos.eu-west-1.on.aws                               OPENSEARCH eu-west-1
dwh.abc.eu-west-1.redshift.amazonaws.com                        REDSHIFT eu-west-1
fs-0123.efs.eu-west-1.amazonaws.com                             EFS eu-west-1
abc.execute-api.eu-west-1.amazonaws.com                         API_GATEWAY eu-west-1
abc.lambda-url.eu-west-1.on.aws                                 LAMBDA eu-west-1
lambda.eu-west-1.amazonaws.com                                  LAMBDA eu-west-1
runtime.sagemaker.eu-west-1.amazonaws.com                       SAGEMAKER_RUNTIME eu-west-1
ABC.gr7.eu-west-1.eks.amazonaws.com                             EKS eu-west-1
oidc.eks.eu-west-1.amazonaws.com                                EKS eu-west-1
d111111abcdef8.cloudfront.net                                   CLOUDFRONT -
lb-123.eu-west-1.elb.amazonaws.com                              ELB eu-west-1
lb-123.elb.eu-west-1.amazonaws.com                              ELB eu-west-1
ec2-3-5-140-1.compute-1.amazonaws.com                           EC2 us-east-1
ec2-3-5-140-1.eu-west-1.compute.amazonaws.com                   EC2 eu-west-1
shop.eu-west-1.elasticbeanstalk.com                             ELASTICBEANSTALK eu-west-1
ssm.eu-north-9.amazonaws.com                                    SSM eu-north-9
ssm.us-gov-north-9.amazonaws.com                                SSM us-gov-north-9 aws-us-gov
lambda.not-made-yet.eu-west-1.amazonaws.com                     AMAZON eu-west-1
whatever.amazonaws.com                                          AMAZON -
"""


@pytest.mark.parametrize("line", NAMES.strip().splitlines(), ids=lambda line: line.split()[0])
def test_names_of_aws(line: str) -> None:
    name, service, region, *more = line.split()
    known = "" if region == "-" else region
    expected = hosts.Host(service, known, (more or ["aws"])[0], "endpoint" in more)
    assert hosts.load()[name] == expected


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "localhost", "example.com", "amazonaws.com", "s3.amazonaws.com.example.com"),
        *("notamazonaws.com", "sqs.us-east-1.amazonaws.org", "kubernetes.default.svc", "x" * 253),
    ],
)
def test_names_that_are_not_aws(name: str) -> None:
    assert hosts.load()[name] is None


def test_every_region_and_partition_of_botocore_is_known() -> None:
    found = {
        hosts.load()[f"sts.{region}.{suffix}"]
        for region, suffix in (
            ("us-gov-east-1", "amazonaws.com"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
            ("eu-isoe-west-1", "cloud.adc-e.uk"),
            ("us-isof-south-1", "csp.hci.ic.gov"),
        )
    }
    partitions = {host.partition for host in found if host}
    assert partitions == {"aws-us-gov", "aws-iso-b", "aws-iso-e", "aws-iso-f"}
    assert {host.service for host in found if host} == {"STS"}


def test_the_table_that_stays_in_memory_is_small() -> None:
    tracemalloc.start()
    try:
        made = hosts.load.__wrapped__()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made["kms.eu-west-1.amazonaws.com"]
    assert size < 2_000_000
