// A random flow job as a configuration.
#include <fmt/format.h>

#include "adversary/flows/flow_job.hpp"

namespace kronwerk::adversary {

std::set<std::string> FlowJob::used() const {
  std::set<std::string> names = names_in(filter_);
  for (const FlowColumn& column : columns_) {
    for (const std::string& name : column.names()) names.insert(name);
  }
  return names;
}

std::string FlowJob::mean_yaml() const {
  std::vector<std::string> texts;
  for (const FlowColumn& column : columns_) texts.push_back("\"" + column.text() + "\"");
  if (effects_[0]) texts.insert(texts.begin(), "origin");
  if (effects_[1]) texts.push_back("destination");
  std::string text = fmt::format("mean:\n  columns: [{}]\n", fmt::join(texts, ", "));
  if (task_ != "fit" && !from_file_ && !columns_.empty()) {
    text += fmt::format("  coefficients: {}\n", list_text(coefficients_));
  }
  return text;
}

std::string FlowJob::observations_yaml() const {
  std::string text = fmt::format("observations:\n  file: data.h5\n  dataset: {}\n", observations_);
  if (transform_ != "none") text += fmt::format("  transform: {}\n", transform_);
  if (nan_) text += "  missing: nan\n";
  if (!mask_.empty()) text += fmt::format("  mask: {{file: data.h5, dataset: {}}}\n", mask_);
  return text;
}

std::string FlowJob::fit_yaml() const {
  if (free_.empty()) return "fit: {parameters: {}}\n";
  std::string text = "fit:\n  parameters:\n";
  for (const FreeParameter& free : free_) {
    std::vector<std::string> keys;
    if (free.lower) keys.push_back(fmt::format("lower: {}", *free.lower));
    if (free.upper) keys.push_back(fmt::format("upper: {}", *free.upper));
    if (free.prior_deviation) {
      keys.push_back(fmt::format("prior: \"normal(0, {})\"", *free.prior_deviation));
    }
    text += fmt::format("    {}: {{{}}}\n", free.name, fmt::join(keys, ", "));
  }
  if (!method_.empty()) text += fmt::format("  method: {}\n", method_);
  if (starts_ > 1) text += fmt::format("  starts: {}\n", starts_);
  return text;
}

std::string FlowJob::given_yaml() const {
  std::string text;
  if (task_ == "sample" && !from_file_) {
    if (gaussian()) text += fmt::format("sigma2: {}\n", sigma2_);
    if (family_ == "negative_binomial") text += fmt::format("theta: {}\n", theta_);
  }
  if (draws_ > 0) text += fmt::format("draws: {}\nseed: 5\n", draws_);
  if (!attribute_.empty()) text += fmt::format("attribute: {}\n", attribute_);
  if (on_mean_) text += "on: mean\n";
  return text;
}

std::string FlowJob::yaml() const {
  std::string material = material_.yaml(used());
  if (from_file_) {
    const std::string numbers = "parameters: {";
    const std::string file = "parameters: {file: fit.h5";
    if (material.starts_with(numbers)) {
      material = file + "}\n" + material.substr(material.find('\n') + 1);
    } else {
      material = file + "}\n" + material;
    }
  }
  std::string text = fmt::format("task: {}\nfamily: {}\n", task_, family_) + material;
  text += fmt::format("filter: \"{}\"\n", filter_->text());
  if (on_errors_) text += "acts_on: errors\n";
  text += mean_yaml();
  if (observes()) text += observations_yaml();
  if (!exposure_.empty()) {
    text += fmt::format("exposure: {{file: data.h5, dataset: {}}}\n", exposure_);
  }
  if (task_ == "fit") text += fit_yaml();
  if (jacobian_) text += "jacobian: true\n";
  return text + given_yaml() + "output: {file: result.h5, overwrite: true}\n";
}

std::string FlowJob::summary() const {
  return fmt::format("{} of {} flows{}, {} x {}, {}, {} years{}{}, filter {}\n  {}", task_, family_,
                     on_errors_ ? " (errors)" : "", extents_[0], extents_[1], form_, count_,
                     nan_ ? ", with NaN" : "", mask_.empty() ? "" : ", masked", filter_->text(),
                     material_.kinds(used()));
}

}  // namespace kronwerk::adversary
