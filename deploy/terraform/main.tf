# Queue, notifications and IAM roles for Headrace. The buckets and the cluster must exist.
# wanted.json has the allowed actions, the Kafka ACLs and the event patterns; a test compares it with the code.

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
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  wanted    = jsondecode(file("${path.module}/wanted.json"))
  media     = "arn:${local.partition}:s3:::${var.media_bucket}"
  results   = "arn:${local.partition}:s3:::${var.results_bucket}"
}
