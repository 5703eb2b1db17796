# What Headrace needs in an AWS account, around buckets and a cluster that are there already: queue, notifications, rights.
# What is allowed and listened to is in wanted.json, which a test compares with the code.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  wanted  = jsondecode(file("${path.module}/wanted.json"))
  media   = "arn:${data.aws_partition.this.partition}:s3:::${var.media_bucket}"
  results = "arn:${data.aws_partition.this.partition}:s3:::${var.results_bucket}"
}
