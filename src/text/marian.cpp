#include "text/marian.h"

#include <utility>

#include "base/error.h"
#include "text/decoders.h"
#include "text/language_codes.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

Vocabulary load_vocabulary(const fs::path& path) {
  return Vocabulary::from_json(JsonDocument::load(path.string()).root());
}

// The bytes of a language code that begins the text, such as >>fr<<; 0 if none does.
size_t language_code_size(std::string_view text) {
  if (!text.starts_with(">>")) return 0;
  const size_t end = text.find("<<");
  return end == std::string_view::npos ? 0 : end + 2;
}

}  // namespace

Marian::Marian(const fs::path& folder, const FamilyConfig& config, const TokenizerOptions& options)
    : source_(Spm::load(folder / "source.spm")),
      target_(Spm::load(folder / "target.spm")),
      vocabulary_(load_vocabulary(folder / "vocab.json")),
      separate_(config.flag("separate_vocabs", false)),
      clean_up_spaces_(config.flag("clean_up_tokenization_spaces", false)) {
  if (separate_) target_vocabulary_ = load_vocabulary(folder / "target_vocab.json");
  const auto required = [&](std::string_view attribute, std::string_view otherwise) {
    const auto token = config.named(attribute, otherwise);
    check(token.has_value(), ErrorCode::unsupported, "{}: Marian without {}", folder.string(),
          attribute);
    return token->content;
  };
  unk_ = required("unk_token", "<unk>");
  eos_ = required("eos_token", "</s>");
  for (const Vocabulary* vocabulary : {&std::as_const(vocabulary_), &decoding_vocabulary()}) {
    check(vocabulary->find(unk_).has_value(), ErrorCode::bad_data,
          "{}: vocab.json has no piece '{}'", folder.string(), unk_);
  }
  std::vector<std::string> special;
  for (const std::string_view attribute : kSpecialAttributes) {
    const std::string_view own = attribute == "unk_token"   ? "<unk>"
                                 : attribute == "eos_token" ? "</s>"
                                 : attribute == "pad_token" ? "<pad>"
                                                            : "";
    const auto token = config.named(attribute, own.empty() ? std::nullopt : std::optional(own));
    if (token) special.push_back(token->content);
  }
  const auto& extra = config.extra().empty() ? config.mapped_extra() : config.extra();
  for (const AddedToken& token : extra) special.push_back(token.content);
  tokens_ = std::make_unique<SlowTokens>(
      config.added(), special, [this](std::string_view text) { return vocabulary_.find(text); },
      vocabulary_.count());
  for (Token id = 0; id < vocabulary_.size(); ++id) {
    const std::string_view piece = vocabulary_.contains(id) ? vocabulary_.piece(id) : "";
    if (piece.starts_with(">>") && !code_of_token(piece).empty())
      languages_.push_back({std::string(code_of_token(piece)), id});
  }
  if (!options.target_language.empty())
    target_language_ = language_token(*this, options.target_language);
  if (options.normalize_punctuation) punctuation_.emplace(config.text("source_lang", ""));
}

Token Marian::id_of(std::string_view piece, bool target_side) const {
  if (const auto id = tokens_->find(piece)) return *id;
  const Vocabulary& vocabulary = target_side ? decoding_vocabulary() : vocabulary_;
  const auto id = vocabulary.find(piece);
  return id ? *id : *vocabulary.find(unk_);
}

// Appends the ids of a text without special tokens, and the bytes of `text` they stand for.
void Marian::encode_part(std::string_view text, bool target_side, Encoding& out,
                         std::vector<Span>& spans) const {
  const auto code = static_cast<uint32_t>(language_code_size(text));
  if (code > 0) {
    out.ids.push_back(id_of(text.substr(0, code), target_side));
    spans.push_back({0, code});
  }
  const Spm& spm = target_side ? target_ : source_;
  Spm::Encoded encoded;
  spm.encode(text.substr(code), encoded);
  for (const Spm::Item& item : encoded.items) {
    out.ids.push_back(id_of(spm.spelling(encoded, item), target_side));
    spans.push_back({code + item.from, code + item.to});
  }
}

Encoding Marian::encode(std::string_view text, const EncodeOptions& options) const {
  check_text(text);
  SpmNormalizer::Result normal;
  if (punctuation_) punctuation_->run(text, normal);
  const std::string_view input = punctuation_ ? std::string_view(normal.text) : text;
  const auto origin = [&](size_t byte) { return punctuation_ ? normal.origin[byte] : byte; };
  Encoding out;
  CodePointCounter begin(text);
  CodePointCounter end(text);
  std::vector<Span> spans;
  std::optional<Token> language = target_language_;
  if (!options.target_language.empty()) language = language_token(*this, options.target_language);
  if (language && options.special_tokens && !options.target_side) {
    out.ids.push_back(*language);
    out.offsets.emplace_back();
  }
  for (const SlowTokens::Part& part : tokens_->split(input)) {
    spans.clear();
    if (part.token) {
      out.ids.push_back(*part.token);
      spans.push_back({0, static_cast<uint32_t>(part.end - part.begin)});
    } else {
      encode_part(input.substr(part.begin, part.end - part.begin), options.target_side, out, spans);
    }
    for (const Span& span : spans) {
      out.offsets.push_back(
          {begin.at(origin(part.begin + span.begin)), end.at(origin(part.begin + span.end))});
    }
  }
  if (options.special_tokens) {
    out.ids.push_back(id_of(eos_, options.target_side));
    out.offsets.emplace_back();
  }
  return out;
}

// The reference takes the SentencePiece model's spelling for an id that vocab.json lacks.
std::string_view Marian::spelling(Token id) const {
  if (const AddedToken* token = tokens_->at(id)) return token->content;
  const Vocabulary& vocabulary = decoding_vocabulary();
  if (vocabulary.contains(id)) return vocabulary.piece(id);
  const Spm& spm = separate_ ? target_ : source_;
  check(id >= 0 && id < spm.size(), ErrorCode::bad_data, "id {} of a vocabulary of {}", id, size());
  return spm.piece(id);
}

std::string Marian::decode(std::span<const Token> ids, bool skip_special) const {
  const Spm& spm = separate_ ? target_ : source_;  // sic: the source side's, if one vocabulary
  std::string text;
  std::vector<std::string_view> pieces;
  for (const Token id : ids) {
    if (skip_special && tokens_->is_special(id)) continue;
    const std::string_view piece = spelling(id);
    if (tokens_->is_special(piece)) {
      text += spm.decode_pieces(pieces);
      text.append(piece).append(" ");
      pieces.clear();
    } else {
      pieces.push_back(piece);
    }
  }
  text += spm.decode_pieces(pieces);
  text = replace_all(text, kSpaceSymbol, " ");
  text.resize(text.size() - trailing_space(text));
  text.erase(0, leading_space(text));
  return clean_up_spaces_ ? clean_up_spaces(std::move(text)) : text;
}

std::string Marian::piece(Token id) const {
  if (const AddedToken* token = tokens_->at(id)) return token->content;
  return std::string(decoding_vocabulary().piece(id));
}

std::optional<Token> Marian::find(std::string_view piece) const {
  const auto id = tokens_->find(piece);
  return id ? id : vocabulary_.find(piece);
}

int Marian::size() const {
  return std::max({vocabulary_.size(), decoding_vocabulary().size(), tokens_->last_id() + 1});
}

std::string Marian::description() const {
  return separate_ ? "Marian (source.spm, target.spm, vocab.json, target_vocab.json)"
                   : "Marian (source.spm, target.spm, vocab.json)";
}

}  // namespace transept
