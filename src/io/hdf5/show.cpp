#include "kronwerk/io/hdf5/show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "io/hdf5/element_type.hpp"
#include "io/hdf5/external.hpp"
#include "io/hdf5/hdf5_input.hpp"
#include "io/hdf5/numeric_dataset.hpp"
#include "io/hdf5/object_walk.hpp"
#include "kronwerk/core/interruption.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {

namespace {

constexpr core::Index summarised_values = 1'000'000;
constexpr std::size_t shown_strings = 4;

using Lines = FileDescription::Lines;

herr_t collect_name(hid_t /*object*/, const char* name, const H5A_info_t* /*info*/, void* data) {
  static_cast<std::vector<std::string>*>(data)->emplace_back(name);
  return 0;
}

std::string number_text(double value) {
  return std::abs(value) < 1e15 && value == std::floor(value) ? fmt::format("{:.0f}", value)
                                                              : fmt::format("{:.6g}", value);
}

std::string attribute_text(hid_t object, const std::string& name) {
  if (const auto text = string_attribute(object, name)) return *text;
  const auto attribute = AttributeHandle::adopt(H5Aopen(object, name.c_str(), H5P_DEFAULT));
  const auto type = TypeHandle::adopt(H5Aget_type(attribute.get()));
  const auto space = SpaceHandle::adopt(H5Aget_space(attribute.get()));
  const auto count = H5Sget_simple_extent_npoints(space.get());
  const auto type_class = H5Tget_class(type.get());
  if (count < 1 || count > 16 || (type_class != H5T_FLOAT && type_class != H5T_INTEGER)) {
    return fmt::format("({} {} values)", count, type_name(type.get()));
  }
  std::vector<double> values(static_cast<std::size_t>(count));
  H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, values.data());
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(number_text(value));
  return core::join(texts, ", ");
}

Lines attributes_of(hid_t object) {
  std::vector<std::string> names;
  H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_name, &names);
  Lines result;
  for (const auto& name : names) result.emplace_back(name, attribute_text(object, name));
  return result;
}

std::string statistics(const NumericDataset& dataset) {
  const auto count = core::product(dataset.shape);
  if (count == 0 || count > summarised_values) return "";
  std::vector<double> values(static_cast<std::size_t>(count));
  read_numbers(dataset, 0, values);
  if (count == 1) return fmt::format(" = {:.10g}", values[0]);
  double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0.0;
  core::Index other = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      ++other;
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
  }
  if (other == count) return ", no finite value";
  return fmt::format(", min {:.6g}, max {:.6g}, mean {:.6g}{}", low, high,
                     sum / static_cast<double>(count - other),
                     other > 0 ? fmt::format(", {} NaN or Inf", core::format_count(other)) : "");
}

std::string string_summary(const FileHandle& file, const DatasetInfo& info) {
  const auto dataset = open_dataset(file, info.location);
  const auto type = TypeHandle::adopt(H5Dget_type(dataset.get()));
  const auto most = summarised_values / static_cast<core::Index>(H5Tget_size(type.get()) / 8 + 1);
  if (info.shape.size() > 1 || info.stored > most) return "";
  auto strings = read_all_strings(file, info.location);
  const bool more = strings.size() > shown_strings;
  if (more) strings.resize(shown_strings);
  return ": " + core::join(strings, ", ") + (more ? ", …" : "");
}

std::string describe(const FileHandle& file, const DatasetInfo& info) {
  if (info.sparse) {
    const double cells = static_cast<double>(info.shape[0]) * static_cast<double>(info.shape[1]);
    const char* const by = info.form == SparseForm::rows          ? ""
                           : info.form == SparseForm::coordinates ? " by coordinates"
                                                                  : " by columns";
    return fmt::format("sparse matrix {}{}, {} stored ({:.3g} %), {}", core::to_text(info.shape),
                       by, core::format_count(info.stored),
                       cells > 0.0 ? 100.0 * static_cast<double>(info.stored) / cells : 0.0,
                       info.type);
  }
  const std::string text = fmt::format("{} {}", core::to_text(info.shape), info.type);
  if (info.type == "string") return text + string_summary(file, info);
  const bool numeric = info.type.find("int") != std::string::npos ||
                       info.type.starts_with("float") || info.type == "bool";
  return numeric ? text + statistics(examine_numeric(file, info.location)) : text;
}

std::string table(const Lines& rows) {
  std::size_t width = 0;
  for (const auto& [name, text] : rows) width = std::max(width, name.size());
  std::string text;
  for (const auto& [name, said] : rows) text += fmt::format("  {:<{}}  {}\n", name, width, said);
  return text;
}

// A sparse matrix is one line; its members are not listed.
bool is_sparse_group(const FileHandle& file, const std::string& path) {
  if (path == "/") return false;
  const LinkAccess links({"", path});
  const auto has = [&](const char* name) { return object_exists(file, path + name, links.get()); };
  if (!has("/data")) return false;
  return (has("/indptr") && has("/indices")) || (has("/row") && has("/col")) ||
         (has("/jc") && has("/ir"));
}

std::string describe_sparse_or_dataset(const FileHandle& file, const Location& location) {
  try {
    return describe(file, describe_object(file, location));
  } catch (const core::Terminated&) {
    throw;
  } catch (const core::Error& error) {
    return fmt::format("cannot be described: {}", error.what());
  }
}

}  // namespace

FileDescription examine_file(const std::string& name) {
  const auto file = open_input(name);
  const auto content = walk_objects(file);
  FileDescription found;
  found.file = name;
  std::string sparse_group;
  bool matlab = false;
  for (const auto& object : content.objects) {
    core::check_interruption();
    if (!sparse_group.empty() && object.path.starts_with(sparse_group + "/")) continue;
    const LinkAccess links({name, object.path});
    const auto handle = ObjectHandle::adopt(H5Oopen(file.get(), object.path.c_str(), links.get()));
    auto attributes = attributes_of(handle.get());
    const bool sparse = !object.dataset && is_sparse_group(file, object.path);
    if (object.dataset || sparse) {
      if (sparse) sparse_group = object.path;
      const auto elsewhere = object.dataset ? storage_text(handle.get()) : std::string();
      // Even the shape of a virtual dataset is found in its sources.
      std::string text = elsewhere.empty() ? describe_sparse_or_dataset(file, {name, object.path})
                                           : fmt::format("not read: {}", elsewhere);
      for (const auto& [attribute, value] : attributes) {
        matlab = matlab || attribute == "MATLAB_class";
        if (sparse && (attribute == "shape" || attribute.starts_with("encoding-"))) continue;
        text += fmt::format("; {}: {}", attribute, value);
      }
      found.datasets.emplace_back(object.path, text);
      continue;
    }
    const auto is_configuration = [](const auto& row) { return row.first == "configuration"; };
    const auto configuration = std::ranges::find_if(attributes, is_configuration);
    if (object.path == "/" && configuration != attributes.end()) {
      found.configuration = configuration->second;
      attributes.erase(configuration);
    }
    if (!attributes.empty()) found.groups.emplace_back(object.path, std::move(attributes));
  }
  for (const auto& link : content.external_links) {
    found.datasets.emplace_back(link.path, "not followed: external link to " + link.target);
  }
  found.bytes = static_cast<double>(std::filesystem::file_size(name));
  if (matlab) {
    found.notes.emplace_back(
        "Written by MATLAB, with the dimensions of every dataset in the opposite order: "
        "'transpose: true' beside a job's 'dataset' reads them as they are there.");
  }
  if (!content.left_out.empty()) found.notes.push_back(content.left_out);
  return found;
}

std::string to_text(const FileDescription& description) {
  std::string text =
      fmt::format("{} ({})\n", description.file, core::format_bytes(description.bytes)) +
      (description.datasets.empty() ? "  no datasets\n" : table(description.datasets));
  for (const auto& [path, attributes] : description.groups) {
    text += fmt::format("\n{}\n{}", path == "/" ? "file" : path, table(attributes));
  }
  for (const std::string& note : description.notes) text += "\n" + note + "\n";
  if (!description.configuration.empty()) {
    text += "\nconfiguration\n" + description.configuration + "\n";
  }
  return text;
}

std::string describe_file(const std::string& file) {
  return to_text(examine_file(file));
}

}  // namespace kronwerk::io
