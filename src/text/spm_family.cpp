#include "text/spm_family.h"

#include "base/error.h"
#include "base/file.h"
#include "text/byt5.h"
#include "text/family_config.h"
#include "text/m2m100.h"
#include "text/marian.h"
#include "text/spm.h"
#include "text/spm_pipeline.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

// The one .model file of a folder, whatever its name; empty if there is none or more than one.
fs::path only_model(const fs::path& folder) {
  fs::path found;
  for (const fs::path& file : files_of(folder)) {
    if (file.extension() != ".model") continue;
    if (!found.empty()) return {};
    found = file;
  }
  return found;
}

std::unique_ptr<Tokenizer> load_plain(const fs::path& path) {
  return std::make_unique<SpmTokenizer>(Spm::load(path), path.filename().string());
}

}  // namespace

std::unique_ptr<Tokenizer> load_spm_family(const fs::path& folder,
                                           const TokenizerOptions& options) {
  if (!folder_exists(folder) && file_exists(folder)) return load_plain(folder);
  const auto has = [&](const char* name) { return file_exists(folder / name); };
  if (!folder_exists(folder)) return nullptr;
  const FamilyConfig config(folder);
  const std::string& kind = config.tokenizer_class();
  if (kind == "ByT5Tokenizer") return std::make_unique<ByT5>(config);
  if (has("source.spm") && has("target.spm")) {
    return std::make_unique<Marian>(folder, config, options);
  }
  check(kind != "FSMTTokenizer", ErrorCode::unsupported,
        "{}: FSMTTokenizer (Moses tokenization and BPE) is not supported", folder.string());
  const fs::path model = only_model(folder);
  if (model.empty()) return nullptr;
  if (kind == "M2M100Tokenizer") return std::make_unique<M2m100>(folder, config, options);
  if (is_spm_pipeline(kind)) return load_spm_pipeline(model, config, options);
  check(kind.empty(), ErrorCode::unsupported, "{}: tokenizer class {} from {}", folder.string(),
        kind, model.filename().string());
  return load_plain(model);
}

}  // namespace transept
