#include "text/language_codes.h"

#include <algorithm>

namespace transept {
namespace {

constexpr std::string_view kM2m100 =
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl "
    "gu ha he hi hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml "
    "mn mr ms my ne nl no ns oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl "
    "tn tr uk ur uz vi wo xh yi yo zh zu";
constexpr std::string_view kWmt21 = "en ha is ja cs ru zh de";
constexpr std::string_view kMbart50 =
    "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT "
    "lv_LV my_MM ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN af_ZA az_AZ bn_IN fa_IR he_IL "
    "hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN "
    "th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI";
constexpr std::string_view kNllb =
    "ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn amh_Ethi apc_Arab "
    "arb_Arab ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn "
    "bak_Cyrl bam_Latn ban_Latn bel_Cyrl bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt "
    "bos_Latn bug_Latn bul_Cyrl cat_Latn ceb_Latn ces_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn "
    "dan_Latn deu_Latn dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn est_Latn eus_Latn "
    "ewe_Latn fao_Latn pes_Arab fij_Latn fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gla_Latn "
    "gle_Latn glg_Latn grn_Latn guj_Gujr hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn "
    "hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn ita_Latn jav_Latn jpn_Jpan kab_Latn "
    "kac_Latn kam_Latn kan_Knda kas_Arab kas_Deva kat_Geor knc_Arab knc_Latn kaz_Cyrl kbp_Latn "
    "kea_Latn khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kon_Latn kor_Hang kmr_Latn lao_Laoo "
    "lvs_Latn lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn lua_Latn lug_Latn "
    "luo_Latn lus_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Latn mkd_Cyrl plt_Latn mlt_Latn "
    "mni_Beng khk_Cyrl mos_Latn mri_Latn zsm_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva "
    "nso_Latn nus_Latn nya_Latn oci_Latn gaz_Latn ory_Orya pag_Latn pan_Guru pap_Latn pol_Latn "
    "por_Latn prs_Arab pbt_Arab quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Beng "
    "scn_Latn shn_Mymr sin_Sinh slk_Latn slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn "
    "spa_Latn als_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn swh_Latn szl_Latn tam_Taml "
    "tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi taq_Latn taq_Tfng tpi_Latn tsn_Latn "
    "tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab "
    "uzn_Latn vec_Latn vie_Latn war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant zho_Hans "
    "zho_Hant zul_Latn";
constexpr size_t kMbartCodes = 25;  // mBART has the first of mBART-50's

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> codes;
  while (!list.empty()) {
    const size_t end = std::min(list.find(' '), list.size());
    codes.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return codes;
}

}  // namespace

std::vector<std::string> m2m100_languages() {
  return split(kM2m100);
}
std::vector<std::string> wmt21_languages() {
  return split(kWmt21);
}
std::vector<std::string> mbart50_languages() {
  return split(kMbart50);
}
std::vector<std::string> nllb_languages() {
  return split(kNllb);
}

std::vector<std::string> mbart_languages() {
  std::vector<std::string> codes = mbart50_languages();
  codes.resize(kMbartCodes);
  return codes;
}

std::string_view code_of_token(std::string_view piece) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_letter = [&](char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); };
  const auto all = [](std::string_view text, const auto& is) {
    return std::all_of(text.begin(), text.end(), is);
  };
  const std::string_view inner = piece.size() < 6 ? "" : piece.substr(2, piece.size() - 4);
  if (piece.starts_with(">>") && piece.ends_with("<<") && !inner.empty()) {
    const bool is_code = is_lower(inner[0]) &&
                         all(inner, [&](char c) { return is_letter(c) || c == '_' || c == '-'; });
    return is_code ? inner : std::string_view();
  }
  if (piece.starts_with("__") && piece.ends_with("__")) {  // others have __unk__ and __end__
    static const std::vector<std::string> kKnown = m2m100_languages();
    const bool is_code = std::find(kKnown.begin(), kKnown.end(), inner) != kKnown.end();
    return is_code ? inner : std::string_view();
  }
  // ISO 639 and, after the underscore, a country (ISO 3166) or a script (ISO 15924).
  const size_t middle = piece.find('_');
  if (middle != 2 && middle != 3) return {};
  const std::string_view place = piece.substr(middle + 1);
  const bool is_country = place.size() == 2 && !is_lower(place[1]);
  const bool is_script = place.size() == 4 && all(place.substr(1), is_lower);
  const bool is_code = all(piece.substr(0, middle), is_lower) && all(place, is_letter) &&
                       (is_country || is_script) && !is_lower(place[0]);
  return is_code ? piece : std::string_view();
}

}  // namespace transept
