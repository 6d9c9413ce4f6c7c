"""Static files under content hashes, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedModulesStorage(CompressedManifestStaticFilesStorage):
    """whitenoise's storage that also rewrites the imports between our ES modules to hashed names.

    Django sees `import … from "./x.js";` and `export … from "./x.js";`, each with its semicolon.
    """

    support_js_module_import_aggregation = True
