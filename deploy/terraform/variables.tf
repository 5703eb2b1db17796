variable "name" {
  description = "Name or name prefix of the queues, rules and roles."
  type        = string
  default     = "headrace"
}

variable "media_bucket" {
  description = "Bucket for uploaded media. Its notification configuration is replaced: a bucket has only one."
  type        = string
}

variable "results_bucket" {
  description = "Bucket for the results of all stages."
  type        = string
}

variable "receives_before_redrive" {
  description = "maxReceiveCount of the queue. A restart of the bridge counts as one receive."
  type        = number
  default     = 10
}

variable "assume_role_policy" {
  description = "JSON: trust policy of the roles without their own, for example of EKS Pod Identity."
  type        = string
}

variable "assume_role_policies" {
  description = "JSON: trust policy by component, for example its service account of an EKS cluster."
  type        = map(string)
  default     = {}
}

variable "webhook_topic_arns" {
  description = "SNS topics whose subscriptions the webhook confirms."
  type        = list(string)
  default     = []
}

variable "bedrock_models" {
  description = "Models that the stages `summary` and `embedding` may call."
  type        = list(string)
  default     = ["amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0"]
}

variable "msk_cluster_arn" {
  description = "MSK cluster with IAM authentication, on which the components get Kafka permissions; empty: none."
  type        = string
  default     = ""
}

variable "machine_task_resources" {
  description = "Resources by IAM action that tasks of state machines call, such as { \"lambda:InvokeFunction\" = [\"arn:...\"] }."
  type        = map(list(string))
  default     = {}
}
