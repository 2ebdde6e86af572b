#include "text/m2m100.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "text/decoders.h"
#include "text/language_codes.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> language_tokens(const std::string& kind, const std::string& where) {
  check(kind == "m2m100" || kind == "wmt21", ErrorCode::unsupported,
        "{}: language_codes '{}', expected m2m100 or wmt21", where, kind);
  std::vector<std::string> codes = kind == "m2m100" ? m2m100_languages() : wmt21_languages();
  for (std::string& code : codes) code.insert(0, "__").append("__");
  return codes;
}

std::string_view default_of(std::string_view attribute) {
  if (attribute == "bos_token") return "<s>";
  if (attribute == "eos_token" || attribute == "sep_token") return "</s>";
  if (attribute == "pad_token") return "<pad>";
  return attribute == "unk_token" ? "<unk>" : "";
}

}  // namespace

M2m100::M2m100(const fs::path& folder, const FamilyConfig& config, const TokenizerOptions& options)
    : spm_(Spm::load(folder / "sentencepiece.bpe.model")),
      vocabulary_(
          Vocabulary::from_json(JsonDocument::load((folder / "vocab.json").string()).root())),
      language_pieces_(language_tokens(config.text("language_codes", "m2m100"),
                                       (folder / "tokenizer_config.json").string())),
      clean_up_spaces_(config.flag("clean_up_tokenization_spaces", false)) {
  std::vector<std::string> special;
  std::string eos;
  for (const std::string_view attribute : kSpecialAttributes) {
    const std::string_view own = default_of(attribute);
    const auto token = config.named(attribute, own.empty() ? std::nullopt : std::optional(own));
    if (token) special.push_back(token->content);
    if (token && attribute == "unk_token") unk_ = token->content;
    if (token && attribute == "eos_token") eos = token->content;
  }
  check(vocabulary_.find(unk_).has_value(), ErrorCode::bad_data, "{}: vocab.json has no piece '{}'",
        folder.string(), unk_);
  const auto& extra = config.extra().empty() ? config.mapped_extra() : config.extra();
  for (const AddedToken& token : extra) special.push_back(token.content);
  tokens_ = std::make_unique<SlowTokens>(
      config.added(), special, [this](std::string_view text) { return vocabulary_.find(text); },
      vocabulary_.count());
  eos_id_ = id_of(eos);
  const std::string source =
      options.source_language.empty() ? config.text("src_lang", "en") : options.source_language;
  const std::string target =
      options.target_language.empty() ? config.text("tgt_lang", "") : options.target_language;
  for (const std::string& piece : language_pieces_)
    languages_.push_back({std::string(code_of_token(piece)), *find(piece)});
  source_language_ = language_token(*this, source);
  if (!target.empty()) target_language_ = language_token(*this, target);
}

Token M2m100::id_of(std::string_view piece) const {
  return find(piece).value_or(*vocabulary_.find(unk_));
}

Encoding M2m100::encode(std::string_view text, const EncodeOptions& options) const {
  check_text(text);
  const bool is_target = options.target_side;
  const std::string_view asked = is_target ? options.target_language : options.source_language;
  check(!is_target || target_language_ || !asked.empty(), ErrorCode::usage,
        "M2M100: the target side needs a target language");
  Encoding out;
  const auto add_special = [&](Token id) {
    if (!options.special_tokens) return;
    out.ids.push_back(id);
    out.offsets.emplace_back();
  };
  add_special(!asked.empty() ? language_token(*this, asked)
              : is_target    ? *target_language_
                             : source_language_);
  CodePointCounter begin(text);
  CodePointCounter end(text);
  Spm::Encoded encoded;
  for (const SlowTokens::Part& part : tokens_->split(text)) {
    if (part.token) {
      out.ids.push_back(*part.token);
      out.offsets.push_back({begin.at(part.begin), end.at(part.end)});
      continue;
    }
    spm_.encode(text.substr(part.begin, part.end - part.begin), encoded);
    for (const Spm::Item& item : encoded.items) {
      out.ids.push_back(id_of(spm_.spelling(encoded, item)));
      out.offsets.push_back({begin.at(part.begin + item.from), end.at(part.begin + item.to)});
    }
  }
  add_special(eos_id_);
  return out;
}

std::string_view M2m100::spelling(Token id) const {
  if (const AddedToken* token = tokens_->at(id)) return token->content;
  const Token language = id - vocabulary_.count();
  if (language >= 0 && language < static_cast<Token>(language_pieces_.size())) {
    return language_pieces_[static_cast<size_t>(language)];
  }
  return vocabulary_.contains(id) ? vocabulary_.piece(id) : std::string_view(unk_);
}

std::string M2m100::decode(std::span<const Token> ids, bool skip_special) const {
  std::string text;
  std::vector<std::string_view> pieces;
  for (const Token id : ids) {
    check(id >= 0 && id < size(), ErrorCode::bad_data, "id {} of a vocabulary of {}", id, size());
    if (skip_special && tokens_->is_special(id)) continue;
    const std::string_view piece = spelling(id);
    if (tokens_->is_special(piece)) {
      text += spm_.decode_pieces(pieces);
      text += piece;
      pieces.clear();
    } else {
      pieces.push_back(piece);
    }
  }
  text += spm_.decode_pieces(pieces);
  text.resize(text.size() - trailing_space(text));
  text.erase(0, leading_space(text));
  return clean_up_spaces_ ? clean_up_spaces(std::move(text)) : text;
}

std::string M2m100::piece(Token id) const {
  return std::string(spelling(id));
}

std::optional<Token> M2m100::find(std::string_view piece) const {
  if (const auto id = tokens_->find(piece)) return id;
  if (piece.starts_with("__")) {
    const auto found = std::find(language_pieces_.begin(), language_pieces_.end(), piece);
    if (found != language_pieces_.end()) {
      return vocabulary_.count() + static_cast<Token>(found - language_pieces_.begin());
    }
  }
  return vocabulary_.find(piece);
}

// The ids after the language tokens are padding of the model's embedding ("madeup words").
int M2m100::size() const {
  constexpr int kMadeUp = 8;
  const int last = vocabulary_.count() + static_cast<int>(language_pieces_.size()) + kMadeUp;
  return std::max({last, vocabulary_.size(), tokens_->last_id() + 1});
}

}  // namespace transept
