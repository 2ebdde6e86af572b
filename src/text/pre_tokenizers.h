// The pre-tokenizers of a tokenizer.json: they cut the text into the words that the model sees.
#pragma once

#include <memory>
#include <vector>

#include "base/json.h"
#include "text/aligned_text.h"
#include "text/tokenizer.h"

namespace transept {

// Bytes [begin, end) of a text: a word for the model, or an added token.
struct Split {
  size_t begin = 0;
  size_t end = 0;
  Token added = -1;  // the id of an added token
};

// A text and its pieces so far, none of them empty.
struct SplitText {
  AlignedText text;
  std::vector<Split> splits;

  [[nodiscard]] std::string_view view(const Split& split) const {
    return std::string_view(text.text()).substr(split.begin, split.end - split.begin);
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void split(SplitText& text) const = 0;
  // Asks that bytes are left as they are where they would be spelled as characters at the very end,
  // because the model takes raw bytes. False if this pre-tokenizer does not end that way.
  virtual bool leave_raw_bytes() { return false; }
  [[nodiscard]] virtual bool ends_in_bytes() const { return false; }
};

// Error unsupported for a type that is not known, bad_data for members that are wrong.
[[nodiscard]] std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& json);

[[nodiscard]] std::unique_ptr<PreTokenizer> make_bert_pre_tokenizer();
[[nodiscard]] std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_regex);

}  // namespace transept
