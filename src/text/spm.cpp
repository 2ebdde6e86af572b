#include "text/spm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"
#include "text/spm_bpe.h"
#include "text/unigram.h"

namespace transept {
namespace {

using Type = SpmProto::Type;

Unigram::Kind kind_of(Type type) {
  switch (type) {
    case Type::normal:
      return Unigram::Kind::normal;
    case Type::user_defined:
      return Unigram::Kind::user_defined;
    case Type::unused:
      return Unigram::Kind::unused;
    default:
      return Unigram::Kind::other;
  }
}

std::unique_ptr<SubwordModel> make_model(const SpmProto& proto, Token unk_id) {
  using Algorithm = SpmProto::Algorithm;
  if (proto.algorithm == Algorithm::bpe) return std::make_unique<SpmBpe>(proto);
  if (proto.algorithm == Algorithm::word) return std::make_unique<SpmWords>(proto);
  if (proto.algorithm == Algorithm::character) return std::make_unique<SpmCharacters>(proto);
  std::vector<Unigram::SpmPiece> pieces;
  pieces.reserve(proto.pieces.size());
  for (const auto& piece : proto.pieces) {
    pieces.push_back({piece.text, piece.score, kind_of(piece.type)});
  }
  return std::make_unique<Unigram>(pieces, unk_id);
}

DoubleArray reserved_trie(const SpmProto& proto) {
  std::vector<DoubleArray::Key> keys;
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    const auto& piece = proto.pieces[id];
    if (kind_of(piece.type) == Unigram::Kind::other) {
      keys.push_back({piece.text, static_cast<Token>(id)});
    }
  }
  return DoubleArray(std::move(keys));
}

// Whether a reserved piece and another are spelled alike.
bool has_twins(const SpmProto& proto) {
  std::unordered_set<std::string_view> reserved;
  for (const auto& piece : proto.pieces) {
    if (kind_of(piece.type) == Unigram::Kind::other) reserved.insert(piece.text);
  }
  return std::any_of(proto.pieces.begin(), proto.pieces.end(), [&](const auto& piece) {
    return kind_of(piece.type) != Unigram::Kind::other && reserved.contains(piece.text);
  });
}

}  // namespace

Spm::Spm(std::string_view bytes, const std::string& where) {
  const SpmProto proto = read_spm_proto(bytes, where);
  algorithm_ = proto.algorithm;
  byte_fallback_ = proto.byte_fallback;
  strips_first_space_ =
      proto.normalizer.add_dummy_prefix || proto.normalizer.remove_extra_whitespaces;
  strips_all_first_spaces_ = proto.normalizer.remove_extra_whitespaces;
  unk_surface_ = proto.unk_surface;
  std::vector<std::string_view> user_defined;
  for (const auto& piece : proto.pieces) {
    if (piece.type == Type::unknown) unk_id_ = static_cast<Token>(types_.size());
    if (piece.type == Type::user_defined) user_defined.push_back(piece.text);
    types_.push_back(piece.type);
  }
  reserved_ = reserved_trie(proto);
  model_ = make_model(proto, unk_id_);
  has_twins_ = has_twins(proto);
  if (byte_fallback_) {
    for (int byte = 0; byte < 256; ++byte) {
      byte_ids_.push_back(find_or_unknown(fmt::format("<0x{:02X}>", byte)));
    }
  }
  normalizer_ =
      std::make_unique<SpmNormalizer>(proto.normalizer, proto.whitespace_is_suffix, user_defined,
                                      where + ": normalizer_spec.precompiled_charsmap");
  if (proto.denormalizer && !proto.denormalizer->charsmap.empty()) {
    denormalizer_ =
        std::make_unique<SpmNormalizer>(*proto.denormalizer, false, std::vector<std::string_view>{},
                                        where + ": denormalizer_spec.precompiled_charsmap");
  }
}

Spm Spm::load(const std::filesystem::path& path) {
  return Spm(read_file(path, kMostVocabularyBytes), path.string());
}

void Spm::encode(std::string_view text, Encoded& out) const {
  normalizer_->run(text, out.normalized);
  out.items.clear();
  std::vector<Piece> pieces;
  model_->tokenize(out.normalized.text, pieces);
  out.items.reserve(pieces.size());
  bool after_unknown = false;
  for (const Piece& piece : pieces) {
    const bool is_unknown = types_[static_cast<size_t>(piece.id)] == Type::unknown;
    const uint32_t from = out.normalized.origin[piece.begin];
    const uint32_t to = out.normalized.origin[piece.end];
    if (is_unknown && byte_fallback_) {
      // The last byte has the surface of the character, the others none.
      for (uint32_t i = piece.begin; i < piece.end; ++i) {
        const auto byte = static_cast<unsigned char>(out.normalized.text[i]);
        out.items.push_back({byte_ids_[byte], i, i + 1, from, i + 1 == piece.end ? to : from});
      }
    } else if (is_unknown && after_unknown) {
      out.items.back().end = piece.end;
      out.items.back().to = to;
    } else {
      out.items.push_back({piece.id, piece.begin, piece.end, from, to});
    }
    after_unknown = is_unknown;
  }
}

std::string_view Spm::spelling(const Encoded& encoded, const Item& item) const {
  if (type(item.id) == Type::byte) return piece(item.id);
  return std::string_view(encoded.normalized.text).substr(item.begin, item.end - item.begin);
}

std::optional<Token> Spm::find(std::string_view piece) const {
  const Token id = reserved_.find(piece);
  return id == DoubleArray::kNone ? model_->find(piece) : std::optional(id);
}

Token Spm::find_or_unknown(std::string_view piece) const {
  return find(piece).value_or(unk_id_);
}

// Collects decoded text. The first ▁ of the text goes away, as the normalizer put one there.
class Spm::Decoder {
 public:
  explicit Decoder(const Spm& spm) : spm_(spm) {}

  void add(std::string_view piece, Token id) {
    const Type type = spm_.type(id);
    if (type == Type::byte) {
      bytes_ += static_cast<char>(byte_of_piece(piece));
      return;
    }
    flush_bytes();
    if (saw_first_space_ || !text_.empty()) is_at_start_ = false;
    saw_first_space_ = false;
    if (type == Type::control) return;
    if (type == Type::unknown) {
      text_ += spm_.piece(id) == piece ? std::string_view(spm_.unk_surface_) : piece;
      return;
    }
    if (is_at_start_ && spm_.strips_first_space_ && piece.starts_with(kSpaceSymbol)) {
      piece.remove_prefix(kSpaceSymbol.size());
      saw_first_space_ = !spm_.strips_all_first_spaces_;
    }
    for (size_t at = 0; at < piece.size();) {
      const size_t space = std::min(piece.find(kSpaceSymbol, at), piece.size());
      text_ += piece.substr(at, space - at);
      if (space < piece.size()) text_ += ' ';
      at = space + kSpaceSymbol.size();
    }
  }

  std::string finish() {
    flush_bytes();
    if (!spm_.denormalizer_) return std::move(text_);
    SpmNormalizer::Result result;
    spm_.denormalizer_->run(text_, result);
    return std::move(result.text);
  }

 private:
  // Every byte that is not part of a character becomes U+FFFD.
  void flush_bytes() {
    for (size_t at = 0; at < bytes_.size();) {
      const CodePoint c = decode_utf8(bytes_, at);
      const size_t size = c.valid ? static_cast<size_t>(c.size) : 1;
      if (c.valid) {
        text_ += std::string_view(bytes_).substr(at, size);
      } else {
        append_utf8(text_, 0xFFFD);
      }
      at += size;
    }
    bytes_.clear();
  }

  const Spm& spm_;
  std::string text_;
  std::string bytes_;
  bool is_at_start_ = true;
  bool saw_first_space_ = false;
};

std::string Spm::decode(std::span<const Token> ids) const {
  Decoder decoder(*this);
  // By way of the spelling, like the reference: of two pieces spelled alike the reserved one
  // counts.
  for (const Token id : ids) decoder.add(piece(id), find_or_unknown(piece(id)));
  return decoder.finish();
}

std::string Spm::decode_pieces(std::span<const std::string_view> pieces) const {
  Decoder decoder(*this);
  for (const std::string_view piece : pieces) decoder.add(piece, find_or_unknown(piece));
  return decoder.finish();
}

int64_t CodePointCounter::at(size_t byte) {
  if (byte < byte_) {
    byte_ = 0;
    count_ = 0;
  }
  for (; byte_ < byte; ++byte_) {
    if ((static_cast<unsigned char>(text_[byte_]) & 0xc0u) != 0x80u) ++count_;
  }
  return count_;
}

void check_text(std::string_view text) {
  check(text.size() < UINT32_MAX, ErrorCode::limit, "a text of {} bytes, expected fewer than 2^32",
        text.size());
  size_t n_ascii = 0;
  for (uint64_t word = 0; n_ascii + sizeof word <= text.size(); n_ascii += sizeof word) {
    std::memcpy(&word, text.data() + n_ascii, sizeof word);
    if ((word & 0x8080808080808080u) != 0) break;
  }
  const size_t invalid = find_invalid_utf8(text.substr(n_ascii));
  check(invalid == std::string_view::npos, ErrorCode::bad_data, "invalid UTF-8 at byte {}",
        n_ascii + invalid);
}

SpmTokenizer::SpmTokenizer(Spm spm, std::string file_name)
    : spm_(std::move(spm)), file_name_(std::move(file_name)) {}

Encoding SpmTokenizer::encode(std::string_view text, const EncodeOptions& /*options*/) const {
  check_text(text);
  Spm::Encoded encoded;
  spm_.encode(text, encoded);
  Encoding out;
  out.ids.reserve(encoded.items.size());
  out.offsets.reserve(encoded.items.size());
  CodePointCounter begin(text);
  CodePointCounter end(text);
  for (const Spm::Item& item : encoded.items) {
    out.ids.push_back(item.id);
    out.offsets.push_back({begin.at(item.from), end.at(item.to)});
  }
  return out;
}

std::string SpmTokenizer::decode(std::span<const Token> ids, bool /*skip_special*/) const {
  for (const Token id : ids) {
    check(id >= 0 && id < size(), ErrorCode::bad_data, "id {} of a vocabulary of {}", id, size());
  }
  return spm_.decode(ids);
}

std::string SpmTokenizer::piece(Token id) const {
  return std::string(spm_.piece(id));
}

std::optional<Token> SpmTokenizer::find(std::string_view piece) const {
  return spm_.find(piece);
}

bool SpmTokenizer::is_special(Token id) const {
  return id >= 0 && id < size() && (spm_.type(id) == Type::control || id == spm_.unk_id());
}

std::string SpmTokenizer::description() const {
  constexpr std::string_view kNames[] = {"", "Unigram", "BPE", "words", "characters"};
  return fmt::format("SentencePiece {} ({})", kNames[static_cast<size_t>(spm_.algorithm())],
                     file_name_);
}

}  // namespace transept
