// The normalizers of a tokenizer.json: they rewrite the text before it is cut into words.
#pragma once

#include <memory>

#include "base/json.h"
#include "text/aligned_text.h"

namespace transept {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void normalize(AlignedText& text) const = 0;
};

// Error unsupported for a type that is not known, bad_data for members that are wrong.
[[nodiscard]] std::unique_ptr<Normalizer> make_normalizer(const Json& json);

struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};
[[nodiscard]] std::unique_ptr<Normalizer> make_bert_normalizer(
    const BertNormalizerOptions& options);

}  // namespace transept
