"""What the material library refuses."""

from __future__ import annotations

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)


class MaterialUnknown(NotFound):
    zh = "没有材料 {material_id}"
    en = "no material {material_id}"


class NotAMaterial(InvalidArgument):
    zh = "材料须为 PDF、OFD、DOCX、XLSX、JPEG 或 PNG 文件, 且内容与格式相符"
    en = "a material is a PDF, OFD, DOCX, XLSX, JPEG or PNG file, by its content"


class MaterialTooLarge(ResourceExhausted):
    zh = "材料文件不得超过 10 MB"
    en = "the file of a material has at most 10 MB"


class MaterialAlreadyThere(AlreadyExists):
    zh = "「{title}」的第 {version} 版内容相同, 无须再次提交"
    en = "version {version} of {title} has the same content: it need not be handed in again"


class MaterialNotInForce(FailedPrecondition):
    zh = "材料「{title}」({material_id}) {why_zh}, 不能使用"
    en = "material {title} ({material_id}) {why} and cannot be used"


class MaterialOfAnother(InvalidArgument):
    zh = "材料 {material_id} 不属于本项目或本企业"
    en = "material {material_id} is of another project or company"


class NotYourMaterial(PermissionDenied):
    zh = "帮办人员不得撤回企业提交的材料"
    en = "a navigator does not withdraw what the company put in"


class LicenceNotWithdrawn(FailedPrecondition):
    zh = "电子证照「{title}」由审批产生, 只随许可的撤销而失效"
    en = "the electronic licence {title} comes from an approval and ends only with it"


class NotTheSignatory(PermissionDenied):
    zh = "材料须由企业管理员账号代表企业签署"
    en = "a material is signed by the company's administrator"


class AlreadySigned(AlreadyExists):
    zh = "材料「{title}」已由 {signer} 签署"
    en = "material {title} was signed by {signer} before"


class OtherContentSigned(FailedPrecondition):
    zh = "所签内容的摘要与材料文件不符, 请重新打开文件后签署"
    en = "the digest that was signed is not that of the file: open it again and sign that"


class PaperOnFile(FailedPrecondition):
    zh = "「{entry}」已在库 ({where}), 不得要求申请人重复提交; 如内容有误, 请写明须更正之处。依据: {basis}"
    en = (
        "{entry} is on file ({where}) and must not be asked for again; say what is to be "
        "corrected in it if anything is. Basis: {basis}"
    )


class CaseNotFinished(FailedPrecondition):
    zh = "办件 {case_id} 尚未办结, 不能归档"
    en = "case {case_id} is not finished and has no archive yet"
