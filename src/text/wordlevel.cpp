#include "text/wordlevel.h"

#include "base/error.h"

namespace transept {

void WordLevel::tokenize(std::string_view word, std::vector<Piece>& out) const {
  std::optional<Token> id = find(word);
  if (!id) id = find(unknown_);
  check(id.has_value(), ErrorCode::bad_data,
        "the text has a word that is not in the vocabulary, nor is the piece \"{}\" for such words",
        unknown_);
  out.push_back({*id, 0, static_cast<uint32_t>(word.size())});
}

}  // namespace transept
