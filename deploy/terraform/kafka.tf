# Permissions of each component on an MSK cluster with IAM, from the ACLs that `headrace topics acls` prints.
# https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html

locals {
  kafka_actions = {
    "topic Read"     = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
    "topic Write"    = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
    "topic Describe" = ["kafka-cluster:DescribeTopic"]
    "group Read"     = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
  }
  kafka_roles = merge(
    { bridge = aws_iam_role.bridge.id, webhook = aws_iam_role.webhook.id },
    { views = aws_iam_role.views.id, operator = aws_iam_role.console.id },
    { machine-api = aws_iam_role.machine_api.id },
    { for stage, role in aws_iam_role.stage : stage => role.id },
  )
}

data "aws_iam_policy_document" "kafka" {
  for_each = var.msk_cluster_arn == "" ? {} : local.wanted.acls

  statement {
    sid       = "Connect"
    actions   = ["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"]
    resources = [var.msk_cluster_arn]
  }

  dynamic "statement" {
    for_each = each.value # names by resource and operation
    content {
      actions = local.kafka_actions[statement.key]
      resources = [
        for name in statement.value :
        "${replace(var.msk_cluster_arn, ":cluster/", ":${split(" ", statement.key)[0]}/")}/${name}"
      ]
    }
  }
}

resource "aws_iam_role_policy" "kafka" {
  for_each = data.aws_iam_policy_document.kafka
  name     = "kafka"
  role     = local.kafka_roles[each.key]
  policy   = each.value.json
}
