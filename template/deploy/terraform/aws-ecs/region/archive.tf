# Managed by the template; updates merge into this file.
# The server's log, audit events among it, where nobody can change or delete it before its time: not even the account's
# root. What is written here is paid for until then.
resource "aws_s3_bucket_object_lock_configuration" "archive" {
  bucket = aws_s3_bucket.main["archive"].id

  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = var.log_retention_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.main]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "archive" {
  bucket = aws_s3_bucket.main["archive"].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.main.arn
    }
  }
}

# Whoever writes it: the log's subscription into the stream, and the stream into the bucket.
locals {
  archivists = {
    firehose = {
      actions   = { objects = ["s3:AbortMultipartUpload", "s3:PutObject"], key = ["kms:Decrypt", "kms:GenerateDataKey"] }
      resources = { objects = "${aws_s3_bucket.main["archive"].arn}/*", key = aws_kms_key.main.arn }
    }
    logs = {
      actions   = { stream = ["firehose:PutRecord", "firehose:PutRecordBatch"] }
      resources = { stream = aws_kinesis_firehose_delivery_stream.archive.arn }
    }
  }
}

resource "aws_iam_role" "archive" {
  for_each = toset(["firehose", "logs"])

  name               = "${var.name}-${data.aws_region.current.name}-archive-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

data "aws_iam_policy_document" "archive" {
  for_each = local.archivists

  dynamic "statement" {
    for_each = each.value.actions

    content {
      actions   = statement.value
      resources = [each.value.resources[statement.key]]
    }
  }
}

resource "aws_iam_role_policy" "archive" {
  for_each = data.aws_iam_policy_document.archive

  name   = "archive"
  role   = aws_iam_role.archive[each.key].id
  policy = each.value.json
}

resource "aws_kinesis_firehose_delivery_stream" "archive" {
  name        = "${var.name}-archive"
  destination = "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = "CUSTOMER_MANAGED_CMK"
    key_arn  = aws_kms_key.main.arn
  }

  extended_s3_configuration {
    role_arn    = aws_iam_role.archive["firehose"].arn
    bucket_arn  = aws_s3_bucket.main["archive"].arn
    kms_key_arn = aws_kms_key.main.arn
  }
}

resource "aws_cloudwatch_log_subscription_filter" "archive" {
  name            = "archive"
  log_group_name  = aws_cloudwatch_log_group.main["server"].name
  filter_pattern  = ""
  destination_arn = aws_kinesis_firehose_delivery_stream.archive.arn
  role_arn        = aws_iam_role.archive["logs"].arn
  distribution    = "ByLogStream"

  depends_on = [aws_iam_role_policy.archive, aws_s3_bucket_object_lock_configuration.archive]
}
