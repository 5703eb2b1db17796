variable "name" {
  description = "What the queues, rules and roles are called, and what their names begin with."
  type        = string
  default     = "headrace"
}

variable "media_bucket" {
  description = "Bucket that media land in. Its notification configuration is replaced: there is one a bucket."
  type        = string
}

variable "results_bucket" {
  description = "Bucket that holds every stage's results."
  type        = string
}

variable "receives_before_redrive" {
  description = "How often a message is handed out before SQS gives it up. A restart of the bridge costs one."
  type        = number
  default     = 10
}

variable "assume_role_policy" {
  description = "JSON: who may be the bridge and the workers, such as a service account of an EKS cluster."
  type        = string
}
