"""Files and uploads into articles: one reader for each format, one table of formats."""

from ingest.readers.base import ReadFailure, ReadResult, ReadSkip, ReadWarning, Source, compute_revision
from ingest.readers.files import file_id, file_source, read_file
from ingest.readers.folders import Listing, find_files, list_files
from ingest.readers.formats import (
    FORMATS,
    MEDIA_TYPES,
    SUFFIXES,
    UPLOAD_ORIGIN,
    Format,
    describe_unread,
    format_of_file,
    format_of_media_type,
    read_stream,
    read_upload,
)
from ingest.readers.json_objects import cut_json
from ingest.readers.metadata import DerivedId, clean_id, shorten_id
from ingest.readers.original_file import OriginalFile

__all__ = [
    "FORMATS",
    "MEDIA_TYPES",
    "SUFFIXES",
    "UPLOAD_ORIGIN",
    "DerivedId",
    "Format",
    "Listing",
    "OriginalFile",
    "ReadFailure",
    "ReadResult",
    "ReadSkip",
    "ReadWarning",
    "Source",
    "clean_id",
    "compute_revision",
    "cut_json",
    "describe_unread",
    "file_id",
    "file_source",
    "find_files",
    "format_of_file",
    "format_of_media_type",
    "list_files",
    "read_file",
    "read_stream",
    "read_upload",
    "shorten_id",
]
