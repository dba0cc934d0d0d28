"""A small Korean document set with questions, written for these tests."""

PARAGRAPHS = {
    "refund": "환불은 구매일부터 14일 안에 신청할 수 있습니다. 영수증이 없으면 환불 대신 교환만 가능합니다.",
    "delivery": "배송은 결제가 끝난 다음 날 시작되며, 제주도와 섬 지역은 이틀이 더 걸립니다.",
    "battery": "배터리를 처음 쓰기 전에는 여덟 시간 동안 충전해야 합니다. 충전 중에는 빨간 불이 켜집니다.",
    "filter": "필터는 석 달에 한 번 미지근한 물로 씻어 그늘에서 말립니다. 세제를 쓰면 필터가 상합니다.",
    "password": "비밀번호를 잊었을 때는 로그인 화면에서 재설정 메일을 받을 수 있습니다. 한 시간 동안 유효합니다.",
    "warranty": "보증 기간은 이 년이며, 물에 빠뜨린 제품은 보증에서 제외됩니다.",
    "noise": "작동할 때 소음이 커지면 바닥이 평평한지 보고, 나사가 풀렸는지 확인하십시오.",
    "docker": "Docker 컨테이너를 다시 시작하려면 관리 화면에서 재시작 단추를 누릅니다.",
    "library": "도서관은 월요일에 쉬고, 주말에는 저녁 여섯 시에 문을 닫습니다.",
    "exam": "중간고사는 교재의 첫째 장부터 넷째 장까지에서 출제되며, 계산기를 가져올 수 없습니다.",
    "parking": "지하 주차장은 방문객에게 두 시간까지 무료이고, 그 뒤로는 십 분마다 요금이 붙습니다.",
    "meeting": "주간 회의록은 회의가 끝난 뒤 하루 안에 팀 게시판에 올립니다.",
}

# Question -> the paragraph that answers it, in other forms of its words.
QUESTIONS = {
    "영수증 없이 환불받을 수 있나요?": "refund",
    "제주도는 배송이 얼마나 더 걸리나요?": "delivery",
    "배터리 충전에는 몇 시간이 걸려요?": "battery",
    "필터를 세제로 씻어도 되나요?": "filter",
    "재설정 메일의 유효 시간은 얼마인가요?": "password",
    "제품 보증 기간이 궁금합니다": "warranty",
    "소음이 클 때 확인할 것은 무엇인가요?": "noise",
    "Docker를 재시작하는 방법": "docker",
    "도서관이 쉬는 요일은 언제인가요?": "library",
    "중간고사에 계산기를 써도 되나?": "exam",
    "방문객 주차 요금이 무료인 시간은?": "parking",
    "회의록은 어디에 올려야 하나요?": "meeting",
}

# About nothing that the paragraphs speak of.
ELSEWHERE = ["화성에서 감자를 기르는 비결", "조선 시대 왕의 이름을 모두 알려줘", "고래는 왜 노래를 부르는가?"]
