// The worked example as one self-contained page: style, script and data inline, nothing fetched.
// All texts reach the page as JSON data and are shown as text nodes, so none of them can be markup.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/html.h"
#include "base/json.h"
#include "trace/view.h"

namespace transept {
namespace {

constexpr const char* kStyle =
#include "trace/page/style.inl"
    ;
constexpr const char* kScript =
#include "trace/page/script.inl"
    ;

std::string base64(const std::vector<unsigned char>& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < n ? bytes[i + j] : 0u);
    for (size_t j = 0; j < 4; ++j) text += j <= n ? kDigits[group >> (18 - 6 * j) & 63u] : '=';
  }
  return text;
}

std::string weights_base64(const std::vector<float>& weights) {
  std::vector<unsigned char> bytes;
  bytes.reserve(weights.size() * 2);
  for (const float weight : weights) {
    const auto scaled =
        static_cast<unsigned>(std::lround(std::clamp(double{weight}, 0.0, 1.0) * 65535));
    bytes.push_back(static_cast<unsigned char>(scaled & 255u));
    bytes.push_back(static_cast<unsigned char>(scaled >> 8));
  }
  return base64(bytes);
}

// The encoder's output as signed bytes, scaled to its 99.9 % quantile; wide rows are thinned out.
void hidden(JsonWriter& json, const Explanation& e) {
  constexpr size_t kMostCells = 400'000;
  const auto width = static_cast<size_t>(e.d_model);
  const size_t stride = 1 + e.hidden.size() / kMostCells;
  const size_t columns = (width + stride - 1) / stride;
  std::vector<float> sizes;
  for (const float value : e.hidden) sizes.push_back(std::fabs(value));
  float largest = 1;
  if (!sizes.empty()) {
    const auto at = sizes.begin() + static_cast<std::ptrdiff_t>((sizes.size() - 1) * 999 / 1000);
    std::nth_element(sizes.begin(), at, sizes.end());
    largest = std::max(*at, 1e-12F);
  }
  std::vector<unsigned char> bytes;
  for (size_t row = 0; row < e.source.size(); ++row)
    for (size_t i = 0; i < width; i += stride) {
      const float scaled = std::clamp(e.hidden[row * width + i] / largest, -1.F, 1.F);
      bytes.push_back(static_cast<unsigned char>(static_cast<signed char>(scaled * 127)));
    }
  json.key("hidden").begin_object().member("rows", e.source.size()).member("columns", columns);
  json.member("values", base64(bytes)).end_object();
}

void piece(JsonWriter& json, const Explanation::Piece& p) {
  json.begin_object().member("id", p.id).member("piece", p.text).end_object();
}

void candidate(JsonWriter& json, const Explanation::Candidate& c) {
  json.begin_object().member("id", c.piece.id).member("piece", c.piece.text);
  json.member("probability", c.probability).end_object();
}

std::string data(const Explanation& e, const ExplanationView& view) {
  JsonWriter json;
  json.begin_object().key("view").begin_object().member("layer", view.layer);
  json.member("head", view.head).end_object();
  json.member("n_start", e.n_start).member("n_prompt", e.n_prompt).member("n_heads", e.n_heads);
  json.member("decoder_layers", e.decoder_layers);
  for (const auto& [name, list] :
       {std::pair{"source", &e.source}, std::pair{"target", &e.target}}) {
    json.key(name).begin_array();
    for (const Explanation::Piece& p : *list) piece(json, p);
    json.end_array();
  }
  hidden(json, e);
  for (const auto& [name, maps] : {std::pair{"self", &e.self}, std::pair{"cross", &e.cross}}) {
    json.key(name).begin_array();
    for (const Explanation::Map& map : *maps) json.value(weights_base64(map.weights));
    json.end_array();
  }
  json.key("steps").begin_array();
  for (const Explanation::Step& step : e.steps) {
    json.begin_object().member("positions", step.positions).key("top").begin_array();
    for (const Explanation::Candidate& c : step.top) candidate(json, c);
    json.end_array().key("chosen");
    candidate(json, step.chosen);
    json.member("finished", step.finished).member("text", step.text).end_object();
  }
  json.end_array().end_object();
  return json_in_script(json.take());
}

std::string section(int step, const std::string& title, const std::string& body) {
  return fmt::format("<section><h2><span class=\"step\">STEP {}</span>{}</h2>\n{}</section>\n",
                     step, title, body);
}

std::string texts(const Explanation& e) {
  const auto card = [](const char* name, const std::string& text, const char* otherwise) {
    return fmt::format(
        "<div class=\"card\"><h4>{}</h4><div class=\"text\" dir=\"auto\">{}</div></div>", name,
        text.empty() ? otherwise : html_text(text));
  };
  return section(0, "The two texts",
                 "<div class=\"two\">" +
                     card("Input, read by the encoder", e.input_text,
                          e.source.empty() ? "(none)" : "(given as token ids or as a memory)") +
                     card("Prompt, where the decoder starts", e.prompt_text,
                          e.n_prompt > 0 ? "(given as token ids)" : "(none)") +
                     "</div>");
}

std::string tokens(const Explanation& e) {
  std::string body;
  body += fmt::format(
      "<p class=\"say\">Pieces of the vocabulary, with their ids.</p>"
      "<div class=\"small-title\">Input: {} tokens</div><div class=\"chips\" "
      "id=\"tokens-source\"></div>",
      e.source.size());
  body += fmt::format(
      "<div class=\"small-title\" style=\"margin-top:16px\">The decoder begins with: {} tokens, {} "
      "of them (dashed) put there by the model</div><div class=\"chips\" "
      "id=\"tokens-target\"></div>",
      e.n_start + e.n_prompt, e.n_start);
  return section(1, "Both as tokens", body);
}

std::string encoder(const Explanation& e) {
  if (e.source.empty())
    return section(2, "No encoder",
                   "<p class=\"say\">This model is a decoder on its own: it reads no memory.</p>");
  const std::string how =
      e.encoder_runs > 0
          ? fmt::format(
                "{} layers turned {} tokens into as many rows of {} numbers. The encoder ran "
                "once; every step below reads these rows, none makes them again.",
                e.encoder_layers, e.source.size(), e.d_model)
          : "These rows were kept in a memory and loaded: the encoder did not run at all.";
  return section(
      2, fmt::format("The encoder’s output: shape ({}, {}), made once", e.source.size(), e.d_model),
      fmt::format("<p class=\"say\">{}</p><canvas class=\"strip\" id=\"hidden\" role=\"img\" "
                  "aria-label=\"The hidden states: one row per token, blue below zero, warm "
                  "above\"></canvas>",
                  how));
}

std::string decoder(const Explanation& e) {
  if (e.steps.empty())
    return section(3, "No decoder",
                   "<p class=\"say\">This model is an encoder on its own: there is nothing that "
                   "could ask it anything.</p>");
  std::string body =
      "<div class=\"control\"><button class=\"play\" id=\"play\" type=\"button\">▶ play</button>"
      "<input type=\"range\" id=\"scrub\" min=\"0\" value=\"0\" aria-label=\"step\"><output "
      "id=\"where\"></output><select id=\"layer\" aria-label=\"decoder layer\"></select><select "
      "id=\"head\" aria-label=\"head\"></select></div>\n";
  std::string maps =
      "<p class=\"say\" id=\"reading\" aria-live=\"polite\"></p>"
      "<div class=\"small-title\">The decoder’s tokens so far</div><div class=\"chips\" "
      "id=\"targets\"></div><div class=\"small-title\" style=\"margin-top:14px\">The encoder’s "
      "tokens</div><div class=\"chips\" id=\"sources\"></div>";
  maps += e.cross.empty()
              ? std::string(
                    "<p class=\"say\">There is no cross-attention: this model reads no "
                    "other text.</p>")
              : fmt::format(
                    "<h3>Cross-attention</h3><p class=\"say\">Every decoder position over "
                    "all {} tokens of the input, in percent. Each row adds up to "
                    "100.</p><div class=\"scroll\"><table class=\"heat\" "
                    "id=\"cross\"></table></div>",
                    e.source.size());
  maps +=
      "<h3>Masked self-attention</h3><p class=\"say\">Each decoder position sees every position "
      "before it and itself (the diagonal is included), and none after it.</p><div "
      "class=\"scroll\"><table class=\"heat\" id=\"self\"></table></div>";
  body += section(3, "Who attends to whom", maps);
  body += section(4, "The next token",
                  "<p class=\"say\" id=\"outcome\"></p><div class=\"card\"><div class=\"next\" "
                  "id=\"next\"></div><div class=\"sofar\" id=\"sofar\" dir=\"auto\"></div></div>");
  return body;
}

}  // namespace

std::string render_html(const Explanation& e, const ExplanationView& given) {
  const ExplanationView view = resolve(e, given);
  std::string page = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n";
  page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  page +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'\">\n";
  page +=
      fmt::format("<title>{}: the worked example</title>\n<style>{}</style></head>\n<body><main>\n",
                  html_text(e.model), kStyle);
  page += fmt::format(
      "<header><h1>From text to text, one token at a time</h1><p>{} ({}) · the encoder reads the "
      "input once; the decoder writes one token at a time, starting from the "
      "prompt.</p></header>\n",
      html_text(e.model), html_text(e.family));
  page += texts(e) + tokens(e) + encoder(e) + decoder(e);
  page +=
      "<footer><kbd>←</kbd> <kbd>→</kbd> step · <kbd>Tab</kbd> walk over the tokens · "
      "<kbd>Enter</kbd> keep a token lit · <kbd>Esc</kbd> let go. Made by transept "
      "explain.</footer>\n";
  page += fmt::format("</main>\n<script type=\"application/json\" id=\"data\">{}</script>\n",
                      data(e, view));
  page += fmt::format("<script>{}</script>\n</body></html>\n", kScript);
  return page;
}

}  // namespace transept
