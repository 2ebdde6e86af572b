// Tokenizer: text <-> token ids. Immutable and safe to use from many threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace transept {

using Token = int32_t;

// Where a token came from: Unicode code points [begin, end) of the original text (Hugging Face's
// convention). Special tokens that the tokenizer added have begin == end == 0.
struct Offset {
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const Offset&) const = default;
};

struct Encoding {
  std::vector<Token> ids;
  std::vector<Offset> offsets;  // same length as ids
};

struct EncodeOptions {
  bool special_tokens =
      true;  // add the marks that the model expects around an input (</s>, [CLS] … [SEP], …)
  bool target_side = false;  // Marian and others whose two sides differ
  // Codes of languages(), as they are spelled there; empty: those that the tokenizer was loaded
  // with. Error usage for others.
  std::string_view source_language = {};
  std::string_view target_language = {};
};

// A language that a tokenizer has a token for.
struct Language {
  std::string code;  // "fra_Latn", "fr_XX"; "fr" where the token is __fr__ or >>fr<<
  Token id = 0;
};

// What the languages' tokens do.
enum class LanguageMarks {
  none,       // there are none
  each_side,  // mBART, M2M100, NLLB: each side carries its own; an output begins with it
  in_input,   // Marian: the target's token begins the input
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Invalid UTF-8 is an Error bad_data that names the byte. Nothing is padded or cut.
  [[nodiscard]] virtual Encoding encode(std::string_view text,
                                        const EncodeOptions& options = {}) const = 0;

  // ids -> text. An id outside the vocabulary is an Error. Bytes that do not form UTF-8 become
  // U+FFFD.
  [[nodiscard]] virtual std::string decode(std::span<const Token> ids,
                                           bool skip_special = true) const = 0;

  // The piece as the vocabulary spells it ("▁for", "Ġfor", "##ing"), and the way back.
  [[nodiscard]] virtual std::string piece(Token id) const = 0;
  [[nodiscard]] virtual std::optional<Token> find(std::string_view piece) const = 0;

  [[nodiscard]] virtual int size() const = 0;  // ids are below this
  [[nodiscard]] virtual bool is_special(Token id) const = 0;

  // The languages that it knows codes of. Words are never taken for codes.
  [[nodiscard]] virtual std::span<const Language> languages() const { return {}; }
  [[nodiscard]] virtual LanguageMarks language_marks() const { return LanguageMarks::none; }

  // "Unigram (tokenizer.json)", "Marian (source.spm, target.spm, vocab.json)", …
  [[nodiscard]] virtual std::string description() const = 0;
};

struct TokenizerOptions {
  bool normalize_punctuation = false;  // Marian: what the reference does when sacremoses is present
  std::string source_language;  // mBART, M2M100, NLLB: the code put around the input; empty = the
                                // tokenizer's own. Error usage for one that it does not know
  std::string target_language;
};

// A text of more bytes is not tokenized at once: it would take some fifty bytes for each of its
// own.
constexpr size_t kMostEncodedBytes = size_t{16} << 20;
void check_text_size(std::string_view text);  // Error limit

// The token of a code. Error usage for one that the tokenizer does not know.
[[nodiscard]] Token language_token(const Tokenizer& tokenizer, std::string_view code);

// Reads the tokenizer of a model folder: tokenizer.json if there is one, else the older files
// (source.spm + target.spm + vocab.json, spiece.model / sentencepiece.bpe.model, vocab.txt,
// vocab.json + merges.txt, or none for ByT5), as tokenizer_config.json and config.json say. Error
// not_found if the folder has none; bad_data / unsupported name file and part.
[[nodiscard]] std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder,
                                                        const TokenizerOptions& options = {});

// Copies the files of a folder that load_tokenizer() may read, so that it reads the same from `to`.
void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace transept
