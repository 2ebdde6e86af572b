// report.html. All texts reach the page as JSON data and are shown as text nodes, so none of them
// can be markup.
#include "train/report.h"

#include <fmt/format.h>

#include "base/html.h"
#include "base/json.h"

namespace transept {
namespace {

constexpr const char* kStyle =
#include "train/page/style.inl"
    ;
constexpr const char* kScript =
#include "train/page/script.inl"
    ;

}  // namespace

std::string render_report(const ReportParts& parts) {
  JsonWriter w;
  w.begin_object().key("lines").begin_array();
  for (const std::string& line : parts.lines) w.raw(line);
  w.end_array().key("metrics").begin_array();
  for (const ReportParts::Metric& metric : parts.metrics) {
    w.begin_object().member("key", metric.key);
    w.member("lower_is_better", metric.lower_is_better).end_object();
  }
  w.end_array().member("config", parts.config).end_object();
  const std::string data = json_in_script(w.take());
  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  page += fmt::format("<title>{}</title>\n<style>{}</style>\n", html_text(parts.title), kStyle);
  page += fmt::format("<main>\n<header><h1>{}</h1><p>{}</p></header>\n", html_text(parts.title),
                      html_text(parts.subtitle));
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
