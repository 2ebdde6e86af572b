// Added tokens: texts that are one token wherever they occur, found before the text is cut into
// words. The rules are those of Hugging Face's tokenizers 0.23 (AddedVocabulary).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "text/double_array.h"
#include "text/model.h"
#include "text/normalizers.h"
#include "text/pre_tokenizers.h"

namespace transept {

struct AddedToken {
  std::string content;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the white space before along
  bool rstrip = false;       // … and after
  bool normalized = false;   // is looked for in the normalised text, itself normalised
  bool special = false;      // left out when decoding with skip_special
  bool operator==(const AddedToken&) const = default;
};

class AddedTokens {
 public:
  // Ids come from the model where it has the content as a piece, else they follow its vocabulary.
  // `normalizer` may be null. `where` names the tokens in errors.
  void add(const std::vector<AddedToken>& tokens, const SubwordModel& model, int model_count,
           const Normalizer* normalizer, const std::string& where);

  // Finds the tokens in `text` and normalises the rest.
  [[nodiscard]] SplitText extract(std::string_view text, const Normalizer* normalizer) const;

  [[nodiscard]] std::optional<Token> find(std::string_view content) const;
  [[nodiscard]] const AddedToken* at(Token id) const;  // null if the id is not one of them
  // The spelling that decoding starts from: normalised where the token is.
  [[nodiscard]] const std::string* spelling(Token id) const;
  [[nodiscard]] bool is_special(std::string_view spelling) const;
  [[nodiscard]] Token last_id() const;  // -1 if there are none
  // Those that are special and have the form of a language's code, by id.
  [[nodiscard]] std::vector<Language> languages() const;

 private:
  // Texts to look for; of those that begin at the same place the longest counts.
  class Finder {
   public:
    Finder() = default;
    // Each text once, none empty; `where` names the tokens in errors.
    Finder(std::vector<DoubleArray::Key> texts, const std::string& where);
    [[nodiscard]] bool empty() const { return is_empty_; }
    struct Found {
      size_t begin = 0;
      size_t end = 0;
      Token id = -1;
    };
    [[nodiscard]] std::optional<Found> find(std::string_view text, size_t from) const;

   private:
    DoubleArray trie_;
    bool is_empty_ = true;
  };
  struct Entry {
    AddedToken token;
    std::optional<std::string> normalized;  // where it differs from the content
  };
  [[nodiscard]] std::vector<Split> cut(std::string_view text, const Finder& finder) const;
  void index(const std::string& where);

  std::map<Token, Entry> entries_;
  std::unordered_map<std::string, Token> ids_;
  std::unordered_set<std::string> specials_;
  Finder plain_;
  Finder normalized_;
};

[[nodiscard]] AddedToken read_added_token(const Json& json);

}  // namespace transept
