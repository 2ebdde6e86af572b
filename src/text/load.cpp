#include "base/error.h"
#include "base/file.h"
#include "text/pipeline.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace transept {

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder,
                                          const TokenizerOptions&) {
  const std::filesystem::path path = folder / "tokenizer.json";
  return std::make_unique<Pipeline>(read_tokenizer_json(read_file(path), path.string()));
}

}  // namespace transept
