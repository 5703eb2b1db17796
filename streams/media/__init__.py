"""Media files: types, metadata, thumbnails, text and malware scans."""
