"""One file per page: it exports PAGES (see `ops.web.page`)."""
