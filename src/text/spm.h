// SentencePiece: text <-> pieces by one .model file, as the library sentencepiece 0.2.3 does it
// (Kudo and Richardson 2018). Immutable and safe to use from many threads.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/double_array.h"
#include "text/model.h"
#include "text/spm_normalizer.h"
#include "text/spm_proto.h"
#include "text/tokenizer.h"

namespace transept {

class Spm {
 public:
  // `bytes` is the file's content, `where` its name for messages. Error bad_data, unsupported.
  Spm(std::string_view bytes, const std::string& where);
  static Spm load(const std::filesystem::path& path);

  struct Item {
    Token id = 0;
    uint32_t begin = 0, end = 0;  // bytes of the normalised text: the spelling
    uint32_t from = 0, to = 0;    // bytes of the input: the surface
  };
  struct Encoded {
    SpmNormalizer::Result normalized;
    std::vector<Item> items;
  };
  // `text` is valid UTF-8 of fewer than 2^32 bytes.
  void encode(std::string_view text, Encoded& out) const;
  // As the piece is written: for an unknown piece its text, for a byte "<0x41>".
  [[nodiscard]] std::string_view spelling(const Encoded& encoded, const Item& item) const;

  // Ids are below size().
  [[nodiscard]] std::string decode(std::span<const Token> ids) const;
  // Spellings need not be in the vocabulary: such a piece stands for itself.
  [[nodiscard]] std::string decode_pieces(std::span<const std::string_view> pieces) const;

  [[nodiscard]] Token find_or_unknown(std::string_view piece) const;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const;
  [[nodiscard]] std::string_view piece(Token id) const { return model_->piece(id); }
  [[nodiscard]] int size() const { return model_->size(); }
  [[nodiscard]] Token unk_id() const { return unk_id_; }
  [[nodiscard]] SpmProto::Type type(Token id) const { return types_[static_cast<size_t>(id)]; }
  [[nodiscard]] SpmProto::Algorithm algorithm() const { return algorithm_; }

 private:
  class Decoder;

  SpmProto::Algorithm algorithm_;
  std::vector<SpmProto::Type> types_;
  Token unk_id_ = 0;
  bool has_twins_;  // a reserved piece and another are spelled alike
  bool byte_fallback_;
  std::vector<Token> byte_ids_;  // 256 under byte fallback, else none
  bool strips_first_space_;      // of decoded text
  bool strips_all_first_spaces_;
  std::string unk_surface_;
  DoubleArray reserved_;
  std::unique_ptr<SubwordModel> model_;
  std::unique_ptr<SpmNormalizer> normalizer_;
  std::unique_ptr<SpmNormalizer> denormalizer_;
};

// Turns byte positions of a text, asked for in ascending order, into code points.
class CodePointCounter {
 public:
  explicit CodePointCounter(std::string_view text) : text_(text) {}
  int64_t at(size_t byte);

 private:
  std::string_view text_;
  size_t byte_ = 0;
  int64_t count_ = 0;
};

// A .model file on its own: no special tokens are added.
class SpmTokenizer : public Tokenizer {
 public:
  SpmTokenizer(Spm spm, std::string file_name);
  [[nodiscard]] Encoding encode(std::string_view text, const EncodeOptions& options) const override;
  [[nodiscard]] std::string decode(std::span<const Token> ids, bool skip_special) const override;
  [[nodiscard]] std::string piece(Token id) const override;
  [[nodiscard]] std::optional<Token> find(std::string_view piece) const override;
  [[nodiscard]] int size() const override { return spm_.size(); }
  [[nodiscard]] bool is_special(Token id) const override;
  [[nodiscard]] std::string description() const override;

 private:
  Spm spm_;
  std::string file_name_;
};

// Throws Error bad_data naming the first byte that is not UTF-8, limit for 2^32 bytes or more.
void check_text(std::string_view text);

}  // namespace transept
