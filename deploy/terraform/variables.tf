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
  description = "JSON: trust policy of the roles, for example a service account of an EKS cluster."
  type        = string
}
