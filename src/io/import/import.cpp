#include "io/import/import.h"

#include "base/error.h"
#include "io/import/config_reader.h"

namespace transept {

Source& Names::tensor(const std::string& ours, const std::string& theirs) {
  Source& source = sources[ours];
  source = Source{};
  source.name = theirs;
  return source;
}

void Names::linear(const std::string& ours, const std::string& theirs) {
  tensor(ours + ".weight", theirs + ".weight");
  tensor(ours + ".bias", theirs + ".bias");
}

void Names::norm(const std::string& ours, const std::string& theirs) {
  tensor(ours + ".gain", theirs + ".weight");
  tensor(ours + ".shift", theirs + ".bias");
}

bool matches(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  const std::string_view head = pattern.substr(0, star);
  if (!name.starts_with(head)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t skip = head.size(); skip <= name.size(); ++skip) {
    if (matches(rest, name.substr(skip))) return true;
  }
  return false;
}

Imported import_model(const Json& config, const OwnHead& own_head) {
  const Json type = config.at("model_type");
  const std::string_view family = type.as_string();
  if (const auto quantized = config.find("quantization_config")) {
    fail(ErrorCode::unsupported,
         "{}: weights quantised by another program; transept reads F32, F16 and BF16",
         quantized->where());
  }
  Imported out;
  out.config.family = family;
  if (family == "t5" || family == "mt5") {
    import_t5(config, own_head, out);
  } else if (family == "bart" || family == "mbart" || family == "pegasus" || family == "m2m_100") {
    import_bart(config, out);
  } else if (family == "marian") {
    import_marian(config, out);
  } else if (family == "fsmt") {
    import_fsmt(config, out);
  } else if (family == "bert" || family == "roberta" || family == "xlm-roberta") {
    import_bert(config, out);
  } else if (family == "gpt2") {
    import_gpt2(config, out);
  } else if (family == "encoder-decoder") {
    import_encoder_decoder(config, out);
  } else {
    fail(
        ErrorCode::unsupported,
        "{}: \"{}\", expected t5, mt5, bart, mbart, pegasus, m2m_100, marian, fsmt, bert, roberta, "
        "xlm-roberta, gpt2 or encoder-decoder",
        type.where(), family);
  }
  return out;
}

}  // namespace transept
