#include "text/spm_family.h"

#include "text/spm.h"

namespace transept {

std::unique_ptr<Tokenizer> load_spm_family(const std::filesystem::path& folder,
                                           const TokenizerOptions& /*options*/) {
  if (std::filesystem::is_regular_file(folder)) {
    return std::make_unique<SpmTokenizer>(Spm::load(folder), folder.filename().string());
  }
  return nullptr;
}

}  // namespace transept
