// report.html. All texts reach the page as JSON data and are shown as text nodes, so none of them
// can be markup.
#include <fmt/format.h>

#include "base/json.h"
#include "train/metrics_log.h"

namespace transept {
namespace {

constexpr const char* kStyle =
#include "train/page/style.inl"
    ;
constexpr const char* kScript =
#include "train/page/script.inl"
    ;

// "<" and "&" would end a text or the script element.
std::string safe(const std::string& text, const char* less, const char* ampersand) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += less;
    } else if (c == '&') {
      out += ampersand;
    } else {
      out += c;
    }
  }
  return out;
}

std::string as_text(const std::string& text) {
  return safe(text, "&lt;", "&amp;");
}

}  // namespace

std::string render_report(const ReportParts& parts) {
  JsonWriter w;
  w.begin_object().key("lines").begin_array();
  for (const std::string& line : parts.lines) w.raw(line);
  w.end_array().key("metrics").begin_array();
  for (const ReportParts::Metric& metric : parts.metrics) {
    w.begin_object().member("key", metric.key).member("name", metric.name);
    w.member("lower_is_better", metric.lower_is_better).end_object();
  }
  w.end_array().member("config", parts.config).end_object();
  const std::string data = safe(w.take(), "\\u003c", "\\u0026");
  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  page += fmt::format("<title>{}</title>\n<style>{}</style>\n", as_text(parts.title), kStyle);
  page += fmt::format("<main>\n<header><h1>{}</h1><p>{}</p></header>\n", as_text(parts.title),
                      as_text(parts.subtitle));
  page +=
      "<ul class=\"facts\" id=\"facts\"></ul>\n<div class=\"charts\" id=\"charts\"></div>\n"
      "<details id=\"what-happened\"><summary>What happened</summary><ul id=\"events\"></ul>"
      "</details>\n<details><summary>Settings</summary><pre id=\"config\"></pre></details>\n"
      "<noscript><p>The curves are drawn by a script in this page.</p></noscript>\n</main>\n";
  page += fmt::format("<script type=\"application/json\" id=\"data\">{}</script>\n", data);
  page += fmt::format("<script>{}</script>\n</html>\n", kScript);
  return page;
}

}  // namespace transept
