#include "application/command_line/file_json.hpp"

#include <utility>
#include <vector>

#include "application/command_line/json_text.hpp"

namespace kronwerk::application {

namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

std::string value_json(const io::FileDescription::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return json_text(*text);
  const auto& numbers = std::get<std::vector<double>>(value);
  if (numbers.size() == 1) return json_number(numbers[0]);
  return json_list(numbers, json_number);
}

std::string attributes_json(const io::FileDescription::Attributes& attributes) {
  Members members;
  for (const auto& [name, value] : attributes) members.emplace_back(name, value_json(value));
  return json_object(members);
}

std::string dataset_json(const io::FileDescription::Dataset& dataset) {
  Members members;
  if (!dataset.unread.empty()) {
    members.emplace_back("unread", json_text(dataset.unread));
  } else {
    const io::DatasetInfo& info = dataset.info;
    members.emplace_back("shape",
                         json_list(info.shape, [](core::Index n) { return std::to_string(n); }));
    members.emplace_back("type", json_text(info.type));
    if (info.sparse) {
      members.emplace_back("sparse_by", json_text(io::order_of(info.form)));
      members.emplace_back("stored", std::to_string(info.stored));
    }
  }
  if (const auto& statistics = dataset.statistics; statistics && dataset.info.stored == 1) {
    members.emplace_back("value", json_number(statistics->mean));
  } else if (statistics) {
    members.emplace_back("min", json_number(statistics->least));
    members.emplace_back("max", json_number(statistics->greatest));
    members.emplace_back("mean", json_number(statistics->mean));
    members.emplace_back("not_finite", std::to_string(statistics->not_finite));
  }
  if (!dataset.strings.empty()) {
    members.emplace_back("first", json_list(dataset.strings, json_text));
  }
  if (!dataset.attributes.empty()) {
    members.emplace_back("attributes", attributes_json(dataset.attributes));
  }
  return json_object(members);
}

}  // namespace

std::string file_json(const io::FileDescription& description) {
  Members datasets, groups;
  for (const auto& dataset : description.datasets) {
    datasets.emplace_back(dataset.path, dataset_json(dataset));
  }
  for (const auto& [path, attributes] : description.groups) {
    groups.emplace_back(path, attributes_json(attributes));
  }
  const Members members{{"file", json_text(description.file)},
                        {"bytes", json_number(description.bytes)},
                        {"datasets", json_object(datasets)},
                        {"groups", json_object(groups)},
                        {"notes", json_list(description.notes, json_text)},
                        {"configuration", json_text(description.configuration)}};
  return json_object(members);
}

}  // namespace kronwerk::application
