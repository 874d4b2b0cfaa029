# Managed by the template; updates merge into this file.
# The server's log, audit events among it, where nobody can change or delete it before its time: not even the account's
# root. What is written here is paid for until then.
resource "aws_s3_bucket" "archive" {
  bucket              = "${var.name}-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.name}-archive"
  object_lock_enabled = true
}

resource "aws_s3_bucket_versioning" "archive" {
  bucket = aws_s3_bucket.archive.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "archive" {
  bucket = aws_s3_bucket.archive.id

  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = var.log_retention_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.archive]
}

resource "aws_s3_bucket_public_access_block" "archive" {
  bucket                  = aws_s3_bucket.archive.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "archive" {
  bucket = aws_s3_bucket.archive.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.main.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "archive" {
  bucket = aws_s3_bucket.archive.id

  rule {
    id     = "retention"
    status = "Enabled"

    filter {}

    expiration {
      days = var.log_retention_days + 1
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

data "aws_iam_policy_document" "archive_bucket" {
  statement {
    sid       = "EncryptedOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.archive.arn, "${aws_s3_bucket.archive.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "archive" {
  bucket = aws_s3_bucket.archive.id
  policy = data.aws_iam_policy_document.archive_bucket.json
}

# Whoever writes it: the log's subscription into the stream, and the stream into the bucket.
locals {
  archivists = {
    firehose = {
      actions   = { objects = ["s3:AbortMultipartUpload", "s3:PutObject"], key = ["kms:Decrypt", "kms:GenerateDataKey"] }
      resources = { objects = "${aws_s3_bucket.archive.arn}/*", key = aws_kms_key.main.arn }
    }
    logs = {
      actions   = { stream = ["firehose:PutRecord", "firehose:PutRecordBatch"] }
      resources = { stream = aws_kinesis_firehose_delivery_stream.archive.arn }
    }
  }
}

data "aws_iam_policy_document" "archive_trust" {
  for_each = toset(["firehose", "logs"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [data.aws_service_principal.main[each.key].name]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "archive" {
  for_each = data.aws_iam_policy_document.archive_trust

  name               = "${var.name}-${data.aws_region.current.name}-archive-${each.key}"
  assume_role_policy = each.value.json
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
    bucket_arn  = aws_s3_bucket.archive.arn
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
