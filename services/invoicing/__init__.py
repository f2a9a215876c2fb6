"""The process of a document: from a request to an issued invoice or act and its PDF."""
