// Metaspace: SentencePiece's way to keep spaces, spelled as a visible character that begins words.
#pragma once

#include <string>

#include "base/json.h"
#include "text/pre_tokenizers.h"

namespace transept {

// Where a replacement is put before a text that does not begin with one.
enum class Prepend { always, first, never };

struct MetaspaceOptions {
  std::string replacement = "▁";
  Prepend prepend = Prepend::always;
  bool split = true;
};

// Shared by the pre-tokenizer and the decoder of this name.
[[nodiscard]] MetaspaceOptions read_metaspace(const Json& json);

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(const Json& json) : options_(read_metaspace(json)) {}
  void split(SplitText& text) const override;

 private:
  void cut(SplitText& text) const;
  MetaspaceOptions options_;
};

}  // namespace transept
